/** `a, b and c` */
export function listed(texts: readonly string[]): string {
  return new Intl.ListFormat("en-GB").format(texts);
}
