import type { ByteWindow } from "./byte-window.js";

/**
 * Where a reader leaves what it found. The fields of a packet are set before each call of `onPacket` and hold until it
 * returns; the bytes are overwritten afterwards, so a receiver copies what it keeps.
 */
export interface PacketSink {
  onPacket(packet: Packet): void;
  /** The text of a TLS key log, embedded in the capture. */
  onKeyLog(text: Buffer): void;
}

export interface Packet {
  bytes: Buffer;
  start: number;
  end: number;
  /** Length on the wire; larger than `end - start` when the capture cut the packet. */
  wireLength: number;
  /** From https://www.tcpdump.org/linktypes.html. */
  linkType: number;
  /** Milliseconds since the epoch, with a fraction. */
  timeMs: number;
  /** From 1. */
  number: number;
}

/** How one file format is cut: consumes whole packets from the window, returns when more bytes are needed. */
export interface FormatReader {
  read(window: ByteWindow, sink: PacketSink): void;
  readonly packets: number;
}

/** Longest packet taken; libpcap's own limit is 256 KiB, USB and loopback captures go beyond. */
export const maxPacketBytes = 0x100000;

export function emptyPacket(): Packet {
  return { bytes: Buffer.alloc(0), start: 0, end: 0, wireLength: 0, linkType: 0, timeMs: 0, number: 0 };
}
