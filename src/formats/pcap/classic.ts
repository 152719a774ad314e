import type { ByteWindow } from "./byte-window.js";
import { captureProblem } from "./capture-problem.js";
import { u32 } from "./numbers.js";
import { emptyPacket, type FormatReader, maxPacketBytes, type Packet, type PacketSink } from "./packet.js";

// https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html

interface ClassicForm {
  isLittle: boolean;
  /** Parts of a second that the second time field counts. */
  ticksPerMs: number;
  /** Bytes of a packet's header; Kuznetzov's modified format has 8 more. */
  headerBytes: 16 | 24;
}

/** By the first four bytes, read in network order. */
export const classicMagics: ReadonlyMap<number, ClassicForm> = new Map([
  [0xa1b2c3d4, { isLittle: false, ticksPerMs: 1000, headerBytes: 16 }],
  [0xd4c3b2a1, { isLittle: true, ticksPerMs: 1000, headerBytes: 16 }],
  [0xa1b23c4d, { isLittle: false, ticksPerMs: 1_000_000, headerBytes: 16 }],
  [0x4d3cb2a1, { isLittle: true, ticksPerMs: 1_000_000, headerBytes: 16 }],
  [0xa1b2cd34, { isLittle: false, ticksPerMs: 1000, headerBytes: 24 }],
  [0x34cdb2a1, { isLittle: true, ticksPerMs: 1000, headerBytes: 24 }],
]);

const fileHeaderBytes = 24;

export class ClassicReader implements FormatReader {
  readonly #form: ClassicForm;
  readonly #packet: Packet = emptyPacket();
  #hasHeader = false;

  constructor(form: ClassicForm) {
    this.#form = form;
  }

  get packets(): number {
    return this.#packet.number;
  }

  read(window: ByteWindow, sink: PacketSink): void {
    if (!this.#hasHeader && !this.#readFileHeader(window)) return;
    const { isLittle, ticksPerMs, headerBytes } = this.#form;
    const { bytes, end } = window;
    const packet = this.#packet;
    packet.bytes = bytes;
    while (end - window.start >= headerBytes) {
      const at = window.start;
      const length = u32(bytes, at + 8, isLittle);
      if (length > maxPacketBytes) {
        throw captureProblem(`${length} bytes long, at most ${maxPacketBytes} expected`, packet.number + 1);
      }
      const start = at + headerBytes;
      if (end - start < length) return;
      window.start = start + length;
      packet.start = start;
      packet.end = start + length;
      packet.wireLength = u32(bytes, at + 12, isLittle);
      packet.timeMs = u32(bytes, at, isLittle) * 1000 + u32(bytes, at + 4, isLittle) / ticksPerMs;
      packet.number++;
      sink.onPacket(packet);
    }
  }

  #readFileHeader(window: ByteWindow): boolean {
    if (window.available < fileHeaderBytes) return false;
    // The upper bits tell the length of a frame check sequence at the end of each packet.
    this.#packet.linkType = u32(window.bytes, window.start + 20, this.#form.isLittle) & 0xffff;
    window.start += fileHeaderBytes;
    this.#hasHeader = true;
    return true;
  }
}
