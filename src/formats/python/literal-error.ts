/** Why a text is no literal: what stands at `offset` (UTF-16 units) is not what a literal may have there. */
export class LiteralError extends Error {
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(message);
  }
}
