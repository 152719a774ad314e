import type { Writable } from "node:stream";

const defaultMaxBufferedBytes = 1 << 20;

/**
 * Writes lines to a stream that may be blocked or broken, without ever holding more than a fixed number of bytes: lines
 * beyond that are dropped and counted, and the count is written as soon as the reader reads again.
 */
export class LineSink {
  readonly #stream: Writable;
  readonly #write: (text: string) => boolean;
  readonly #noticeOf: (droppedLines: number) => string;
  readonly #maxBufferedBytes: number;
  #droppedLines = 0;
  #broken = false;

  constructor(stream: Writable, noticeOf: (droppedLines: number) => string, maxBufferedBytes?: number) {
    this.#stream = stream;
    // Taken now: whoever replaces stream.write later must not be called for lines that already have their final form.
    const write = stream.write;
    this.#write = (text) => write.call(stream, text, "utf8");
    this.#noticeOf = noticeOf;
    this.#maxBufferedBytes = maxBufferedBytes ?? defaultMaxBufferedBytes;
    stream.on("error", () => {
      this.#broken = true;
    });
    stream.on("drain", () => this.#tellDropped());
  }

  writeLine(line: string): void {
    if (this.#broken || this.#stream.destroyed) return;
    if (this.#stream.writableLength + line.length > this.#maxBufferedBytes) {
      this.#droppedLines++;
      return;
    }
    this.#tellDropped();
    this.#write(`${line}\n`);
  }

  /** Resolves when everything is written, or after the time limit. */
  async flush(timeoutMs: number): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    while (!this.#broken && this.#stream.writableLength > 0 && performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  #tellDropped(): void {
    if (this.#droppedLines === 0) return;
    const notice = this.#noticeOf(this.#droppedLines);
    this.#droppedLines = 0;
    this.#write(`${notice}\n`);
  }
}
