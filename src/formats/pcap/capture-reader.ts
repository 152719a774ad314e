import type { Problem } from "../../core/problem.js";
import { ByteWindow } from "./byte-window.js";
import { captureProblem } from "./capture-problem.js";
import { ClassicReader, classicMagics } from "./classic.js";
import type { FormatReader, PacketSink } from "./packet.js";
import { PcapngReader, sectionHeaderType } from "./pcapng.js";

/** Reads pcap and pcapng, told apart by their first four bytes. Throws `capture-malformed` with the packet's number. */
export class CaptureReader {
  readonly #window = new ByteWindow();
  readonly #sink: PacketSink;
  #format: FormatReader | undefined;

  constructor(sink: PacketSink) {
    this.#sink = sink;
  }

  /** The first bytes are those of a capture. */
  get isRecognised(): boolean {
    return this.#format !== undefined;
  }

  get packets(): number {
    return this.#format?.packets ?? 0;
  }

  /** Where a file's next bytes can be read into without another copy; `filled` goes on from there. */
  space(): Buffer {
    return this.#window.space();
  }

  filled(length: number): void {
    this.#window.filled(length);
    this.#read();
  }

  push(chunk: Buffer): void {
    this.#window.push(chunk);
    this.#read();
  }

  /** At the end of the file: what is missing, if it ends inside a packet or a header. */
  end(): Problem | undefined {
    if (this.#format === undefined) return captureProblem(`the file ends after ${this.#window.available} bytes`, 0);
    if (this.#window.available === 0) return undefined;
    return captureProblem("the file ends inside it", this.packets + 1);
  }

  #read(): void {
    if (this.#window.available < 4) return;
    this.#format ??= formatOf(this.#window);
    this.#format.read(this.#window, this.#sink);
  }
}

const compressed: Record<string, string> = {
  "1f8b": "gzip -dc",
  "28b5": "zstd -dc",
  fd37: "xz -dc",
  "425a": "bzip2 -dc",
};

function formatOf({ bytes, start }: ByteWindow): FormatReader {
  const magic = bytes.readUInt32BE(start);
  if (magic === sectionHeaderType) return new PcapngReader();
  const classic = classicMagics.get(magic);
  if (classic !== undefined) return new ClassicReader(classic);
  const found = `it starts with 0x${magic.toString(16).padStart(8, "0")}, which neither pcap nor pcapng does`;
  const unpack = compressed[bytes.toString("hex", start, start + 2)];
  throw captureProblem(found, 0, unpack && `unpack it first: ${unpack} FILE | spire-keylime trace -`);
}
