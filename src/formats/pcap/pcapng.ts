import type { ByteWindow } from "./byte-window.js";
import { captureProblem } from "./capture-problem.js";
import { u16, u32 } from "./numbers.js";
import { emptyPacket, type FormatReader, maxPacketBytes, type Packet, type PacketSink } from "./packet.js";

// https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html

export const sectionHeaderType = 0x0a0d0d0a;

const blockTypes = {
  interfaceDescription: 0x00000001,
  obsoletePacket: 0x00000002,
  simplePacket: 0x00000003,
  enhancedPacket: 0x00000006,
  decryptionSecrets: 0x0000000a,
} as const;

/** "TLSK": an NSS key log. */
const tlsKeyLog = 0x544c534b;
const byteOrderMagic = 0x1a2b3c4d;
const timeResolutionOption = 9;
const timeOffsetOption = 14;
/** Header and trailer of every block. */
const frameBytes = 12;
/** Longest block that is read rather than skipped: secrets, and packets with many options. */
const maxBlockBytes = 0x400000;
const maxInterfaces = 0x10000;

interface Interface {
  linkType: number;
  snapLength: number;
  ticksPerMs: number;
  offsetMs: number;
}

export class PcapngReader implements FormatReader {
  readonly #packet: Packet = emptyPacket();
  #isLittle = true;
  #interfaces: Interface[] = [];
  /** Bytes of a block of no interest that have not arrived yet. */
  #skip = 0;

  get packets(): number {
    return this.#packet.number;
  }

  read(window: ByteWindow, sink: PacketSink): void {
    this.#packet.bytes = window.bytes;
    for (;;) {
      if (this.#skip > 0) this.#skipBytes(window);
      if (window.available < frameBytes) return;
      const { bytes, start } = window;
      const isSection = u32(bytes, start, false) === sectionHeaderType;
      if (isSection) this.#readByteOrder(bytes, start + 8);
      const type = isSection ? sectionHeaderType : u32(bytes, start, this.#isLittle);
      const length = this.#blockLength(bytes, start);
      if (!isSection && !isRead(type)) {
        this.#skip = length;
        continue;
      }
      if (length > maxBlockBytes) throw this.#problem(`block of ${length} bytes, at most ${maxBlockBytes} expected`);
      if (window.available < length) return;
      window.start += length;
      this.#readBlock(type, bytes, start + 8, start + length - 4, sink);
    }
  }

  #problem(what: string): Error {
    return captureProblem(what, this.packets + 1);
  }

  #skipBytes(window: ByteWindow): void {
    const length = Math.min(this.#skip, window.available);
    window.start += length;
    this.#skip -= length;
  }

  #readByteOrder(bytes: Buffer, at: number): void {
    if (u32(bytes, at, true) === byteOrderMagic) this.#isLittle = true;
    else if (u32(bytes, at, false) === byteOrderMagic) this.#isLittle = false;
    else throw this.#problem(`section of unknown byte order 0x${bytes.toString("hex", at, at + 4)}`);
  }

  #blockLength(bytes: Buffer, start: number): number {
    const length = u32(bytes, start + 4, this.#isLittle);
    if (length < frameBytes || length % 4 !== 0) throw this.#problem(`impossible block length ${length}`);
    return length;
  }

  #readBlock(type: number, bytes: Buffer, start: number, end: number, sink: PacketSink): void {
    if (u32(bytes, end, this.#isLittle) !== end - start + frameBytes) {
      throw this.#problem("a block's two lengths differ");
    }
    // Interfaces are numbered per section.
    if (type === sectionHeaderType) this.#interfaces = [];
    else if (type === blockTypes.interfaceDescription) this.#readInterface(bytes, start, end);
    else if (type === blockTypes.enhancedPacket) this.#readEnhanced(bytes, start, end, sink);
    else if (type === blockTypes.obsoletePacket) this.#readObsolete(bytes, start, end, sink);
    else if (type === blockTypes.simplePacket) this.#readSimple(bytes, start, end, sink);
    else this.#readSecrets(bytes, start, end, sink);
  }

  #need(start: number, end: number, length: number, what: string): void {
    if (end - start < length) throw this.#problem(`${what} of ${end - start} bytes, at least ${length} expected`);
  }

  #readInterface(bytes: Buffer, start: number, end: number): void {
    this.#need(start, end, 8, "interface description");
    if (this.#interfaces.length >= maxInterfaces) throw this.#problem(`more than ${maxInterfaces} interfaces`);
    const described: Interface = {
      linkType: u16(bytes, start, this.#isLittle),
      snapLength: u32(bytes, start + 4, this.#isLittle),
      ticksPerMs: 1000,
      offsetMs: 0,
    };
    this.#readTimeOptions(bytes, start + 8, end, described);
    this.#interfaces.push(described);
  }

  #readTimeOptions(bytes: Buffer, start: number, end: number, described: Interface): void {
    for (let at = start; at + 4 <= end; ) {
      const code = u16(bytes, at, this.#isLittle);
      const length = u16(bytes, at + 2, this.#isLittle);
      const value = at + 4;
      if (code === 0 || value + length > end) return;
      if (code === timeResolutionOption && length === 1) described.ticksPerMs = ticksPerMs(bytes[value]!);
      if (code === timeOffsetOption && length === 8) {
        const seconds = this.#isLittle ? bytes.readBigInt64LE(value) : bytes.readBigInt64BE(value);
        described.offsetMs = Number(seconds) * 1000;
      }
      at = value + ((length + 3) & ~3);
    }
  }

  #readEnhanced(bytes: Buffer, start: number, end: number, sink: PacketSink): void {
    this.#need(start, end, 20, "packet block");
    this.#readTimed(u32(bytes, start, this.#isLittle), bytes, start, end, sink);
  }

  #readObsolete(bytes: Buffer, start: number, end: number, sink: PacketSink): void {
    this.#need(start, end, 20, "packet block");
    this.#readTimed(u16(bytes, start, this.#isLittle), bytes, start, end, sink);
  }

  /** Enhanced and obsolete packets have their lengths and times in the same places. */
  #readTimed(interfaceId: number, bytes: Buffer, start: number, end: number, sink: PacketSink): void {
    const from = this.#interfaces[interfaceId];
    if (from === undefined) throw this.#problem(`interface ${interfaceId} was not described`);
    const ticks = u32(bytes, start + 4, this.#isLittle) * 0x1_0000_0000 + u32(bytes, start + 8, this.#isLittle);
    const length = u32(bytes, start + 12, this.#isLittle);
    const wireLength = u32(bytes, start + 16, this.#isLittle);
    this.#emit(from, start + 20, length, end, wireLength, ticks / from.ticksPerMs + from.offsetMs, sink);
  }

  #readSimple(bytes: Buffer, start: number, end: number, sink: PacketSink): void {
    this.#need(start, end, 4, "simple packet block");
    const from = this.#interfaces[0];
    if (from === undefined) throw this.#problem("no interface was described");
    const wireLength = u32(bytes, start, this.#isLittle);
    const limit = from.snapLength === 0 ? wireLength : Math.min(wireLength, from.snapLength);
    // A simple packet has no time: the last one known is the nearest to the truth.
    this.#emit(from, start + 4, Math.min(limit, end - start - 4), end, wireLength, this.#packet.timeMs, sink);
  }

  #emit(
    { linkType }: Interface,
    start: number,
    length: number,
    limit: number,
    wireLength: number,
    timeMs: number,
    sink: PacketSink,
  ): void {
    if (length > limit - start) throw this.#problem(`${length} bytes long in a block with room for ${limit - start}`);
    if (length > maxPacketBytes) throw this.#problem(`${length} bytes long, at most ${maxPacketBytes} expected`);
    const packet = this.#packet;
    packet.start = start;
    packet.end = start + length;
    packet.wireLength = wireLength;
    packet.linkType = linkType;
    packet.timeMs = timeMs;
    packet.number++;
    sink.onPacket(packet);
  }

  #readSecrets(bytes: Buffer, start: number, end: number, sink: PacketSink): void {
    this.#need(start, end, 8, "decryption secrets");
    const length = u32(bytes, start + 4, this.#isLittle);
    this.#need(start + 8, end, length, "decryption secrets");
    if (u32(bytes, start, this.#isLittle) === tlsKeyLog) sink.onKeyLog(bytes.subarray(start + 8, start + 8 + length));
  }
}

const readTypes: ReadonlySet<number> = new Set(Object.values(blockTypes));

function isRead(type: number): boolean {
  return readTypes.has(type);
}

/** if_tsresol: a negative power of 10, or of 2 with the top bit set. */
function ticksPerMs(resolution: number): number {
  const exponent = resolution & 0x7f;
  return (resolution & 0x80 ? 2 ** exponent : 10 ** exponent) / 1000;
}
