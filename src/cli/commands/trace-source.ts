import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { errorText, Problem } from "../../core/problem.js";

/** Where a capture's bytes come from. */
export interface CaptureSource {
  /** Bytes read into the buffer, 0 at the end; a promise when they have to be waited for. */
  read(target: Buffer): number | Promise<number>;
  /** So much was read without waiting that Ctrl-C must be given a chance. */
  readonly isPauseDue: boolean;
  close(): void;
}

/** A file, or standard input for `-`. Throws `capture-missing`. */
export function openSource(file: string): CaptureSource {
  if (file === "-") return new StandardInput();
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (error) {
    throw cannotRead(file, errorText(error), error);
  }
  const kind = fstatSync(descriptor);
  if (kind.isDirectory()) {
    closeSync(descriptor);
    throw cannotRead(file, "it is a directory");
  }
  return new FileSource(file, descriptor);
}

/** Reads between two pauses; at a gigabyte per second some ten milliseconds. */
const readsPerPause = 32;

/** Reads without a detour over another thread, which costs as much as the reading. */
class FileSource implements CaptureSource {
  readonly #file: string;
  readonly #descriptor: number;
  #reads = 0;

  constructor(file: string, descriptor: number) {
    this.#file = file;
    this.#descriptor = descriptor;
  }

  get isPauseDue(): boolean {
    return this.#reads % readsPerPause === 0;
  }

  read(target: Buffer): number {
    this.#reads++;
    try {
      return readSync(this.#descriptor, target);
    } catch (error) {
      throw cannotRead(this.#file, errorText(error), error);
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Chunks of stdin, handed out in the sizes the reader has room for. */
class StandardInput implements CaptureSource {
  readonly isPauseDue = false;
  readonly #chunks = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  async read(target: Buffer): Promise<number> {
    if (this.#rest.length === 0) {
      const { value, done } = await this.#chunks.next();
      if (done === true) return 0;
      this.#rest = value;
    }
    const length = this.#rest.copy(target);
    this.#rest = this.#rest.subarray(length);
    return length;
  }

  close(): void {
    process.stdin.destroy();
  }
}

function cannotRead(file: string, why: string, cause?: unknown): Problem {
  return new Problem("capture-missing", `cannot read capture ${JSON.stringify(file)}: ${why}`, {
    culprit: "usage",
    ...(cause === undefined ? {} : { cause }),
  });
}
