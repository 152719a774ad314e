/** A stretch of a text: offsets in UTF-16 units, `end` exclusive; line and column of its start count from 1. */
export interface Span {
  start: number;
  end: number;
  line: number;
  column: number;
}

/** Where in a text the lines start, so that offsets can be told as line and column. Lines end with LF. */
export class LineIndex {
  private readonly lineStarts: number[] = [0];

  constructor(text: string) {
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.lineStarts.push(at + 1);
  }

  position(offset: number): { line: number; column: number } {
    let low = 0;
    for (let high = this.lineStarts.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if (this.lineStarts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - this.lineStarts[low]! + 1 };
  }

  span(start: number, end: number): Span {
    return { start, end, ...this.position(start) };
  }
}
