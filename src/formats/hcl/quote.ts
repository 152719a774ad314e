/**
 * A text as a quoted HCL string. A dollar sign is written as an escape, so that neither HCL's `${…}` nor SPIRE's
 * -expandEnv, which works on the whole file before it is parsed, makes something else of it.
 */
export function quoteHcl(text: string): string {
  const escaped = text.replaceAll(/["\\$\p{Cc}\uE123]/gu, (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}
