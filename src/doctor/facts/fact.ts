/** What could be learnt, or why it could not: a file that cannot be read is a fact as well. */
export type Fact<T> = { known: true; value: T; source: string } | { known: false; reason: string; source: string };

export function known<T>(value: T, source: string): Fact<T> {
  return { known: true, value, source };
}

export function unknown(reason: string, source: string): { known: false; reason: string; source: string } {
  return { known: false, reason, source };
}
