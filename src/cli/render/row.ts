/** A label and what belongs to it, the further lines below the first. */
export function row(label: string, ...lines: string[]): string {
  const [first = "none", ...more] = lines;
  return [`  ${label.padEnd(15)} ${first}`, ...more.map((line) => `${" ".repeat(18)}${line}`)].join("\n");
}
