/** Names of a registry's numbers, for printing. Numbers stay numbers everywhere else. */
export class WireTable<N extends string = string> {
  readonly #names: ReadonlyMap<number, string>;

  constructor(
    /** Hex digits a number of this registry is printed with. */
    readonly digits: 2 | 4,
    readonly values: Readonly<Record<N, number>>,
  ) {
    this.#names = new Map(Object.entries<number>(values).map(([name, value]) => [value, name]));
  }

  /** The registered name, `GREASE (0x1a1a)`, or the number in hex. */
  name(value: number): string {
    const hex = `0x${value.toString(16).padStart(this.digits, "0")}`;
    return this.#names.get(value) ?? (this.digits === 4 && isGrease(value) ? `GREASE (${hex})` : hex);
  }

  has(value: number): boolean {
    return this.#names.has(value);
  }
}

/** Values that clients send so that servers learn to ignore the unknown: 0x0a0a, 0x1a1a … 0xfafa (RFC 8701 section 2). */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}
