import type { Readable } from "node:stream";

/** Reads an object stream one at a time, with back-pressure, and keeps how it ended. */
export class ObjectReader<T> {
  readonly #stream: Readable;
  #end: "open" | "ended" | Error = "open";
  #waiting: (() => void)[] = [];

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.on("readable", () => this.#wake());
    stream.on("end", () => this.#finish("ended"));
  }

  /** The stream ended with this error; what was read before is still given out. */
  fail(error: Error): void {
    this.#finish(error);
  }

  /** The next object, or undefined at the end. @throws the error the stream failed with */
  async next(): Promise<T | undefined> {
    for (;;) {
      const value = this.#stream.read() as T | null;
      if (value !== null) return value;
      if (this.#end === "ended") return undefined;
      if (this.#end !== "open") throw this.#end;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #finish(end: "ended" | Error): void {
    if (this.#end === "open") this.#end = end;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
