/** `CN=…` of an RFC 4514 name, the whole name when it has none. */
export function commonName(subject: string): string {
  return /(?:^|, )(CN=(?:\\.|[^,\\])*)/.exec(subject)?.[1] ?? subject;
}
