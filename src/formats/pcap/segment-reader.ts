import { networkOffset, offsets } from "./link-layer.js";
import { u16, u32 } from "./numbers.js";
import type { Packet } from "./packet.js";

/** What a packet turned out to be. */
export const packetKinds = {
  segment: 0,
  /** Not TCP over IP. */
  other: 1,
  /** A fragment of an IP packet: told, not put together. TCP avoids fragments; a capture full of them is a finding. */
  fragment: 2,
  malformed: 3,
  unknownLink: 4,
} as const;

export type PacketKind = (typeof packetKinds)[keyof typeof packetKinds];

export const tcpFlags = { fin: 0x01, syn: 0x02, rst: 0x04, ack: 0x10 } as const;

const protocolTcp = 6;

/**
 * Finds the TCP segment in a packet. The result stands in this object's fields until the next call, so that a capture of
 * millions of packets makes no garbage; offsets are into the packet's own buffer and lie within it.
 */
export class SegmentReader {
  bytes: Buffer = Buffer.alloc(0);
  /** 4 or 16. */
  addressBytes = 4;
  sourceAt = 0;
  destinationAt = 0;
  sourcePort = 0;
  destinationPort = 0;
  sequence = 0;
  /** Holds when the ACK flag is set. */
  acknowledged = 0;
  flags = 0;
  payloadStart = 0;
  payloadEnd = 0;
  /** Payload bytes that were on the wire and that the capture cut off. */
  cutBytes = 0;
  /** Why the packet is malformed. */
  problem = "";

  #protocol = 0;
  #transportAt = 0;
  #wireEnd = 0;
  #isFragment = false;

  read(packet: Packet): PacketKind {
    const { bytes, start, end, linkType } = packet;
    this.bytes = bytes;
    const at = networkOffset(bytes, start, end, linkType);
    if (at === offsets.cut) return this.#malformed("it ends inside its link header");
    if (at === offsets.unknownLink) return packetKinds.unknownLink;
    if (at < 0) return packetKinds.other;
    if (at >= end) return this.#malformed("it ends before its IP header");
    const version = bytes[at]! >> 4;
    const kind = version === 4 ? this.#readIpv4(at, end) : version === 6 ? this.#readIpv6(at, end) : undefined;
    if (kind === undefined) return this.#malformed(`IP version ${version}`);
    if (kind !== packetKinds.segment) return kind;
    if (this.#isFragment) return this.#protocol === protocolTcp ? packetKinds.fragment : packetKinds.other;
    if (this.#protocol !== protocolTcp) return packetKinds.other;
    return this.#readTcp(end);
  }

  #malformed(problem: string): PacketKind {
    this.problem = problem;
    return packetKinds.malformed;
  }

  #readIpv4(at: number, end: number): PacketKind {
    const { bytes } = this;
    if (at + 20 > end) return this.#malformed("it ends inside its IPv4 header");
    const headerBytes = (bytes[at]! & 0x0f) * 4;
    const total = u16(bytes, at + 2, false);
    if (headerBytes < 20) return this.#malformed(`IPv4 header of ${headerBytes} bytes`);
    this.addressBytes = 4;
    this.sourceAt = at + 12;
    this.destinationAt = at + 16;
    this.#protocol = bytes[at + 9]!;
    this.#isFragment = (u16(bytes, at + 6, false) & 0x3fff) !== 0;
    this.#transportAt = at + headerBytes;
    // Segmentation offload leaves the length 0 on packets captured before the card has cut them.
    this.#wireEnd = total === 0 ? end : at + total;
    if (total !== 0 && total < headerBytes) return this.#malformed(`IPv4 length of ${total} bytes`);
    return packetKinds.segment;
  }

  #readIpv6(at: number, end: number): PacketKind {
    const { bytes } = this;
    if (at + 40 > end) return this.#malformed("it ends inside its IPv6 header");
    const length = u16(bytes, at + 4, false);
    this.addressBytes = 16;
    this.sourceAt = at + 8;
    this.destinationAt = at + 24;
    this.#wireEnd = length === 0 ? end : at + 40 + length;
    return this.#readExtensionHeaders(bytes[at + 6]!, at + 40, end);
  }

  /** RFC 8200 section 4: hop-by-hop 0, routing 43, fragment 44, authentication 51, destination 60, mobility 135, … */
  #readExtensionHeaders(first: number, start: number, end: number): PacketKind {
    const { bytes } = this;
    let [next, at] = [first, start];
    this.#isFragment = false;
    while (isExtensionHeader(next)) {
      if (at + 8 > end) return this.#malformed("it ends inside an IPv6 extension header");
      if (next === 44) {
        if ((u16(bytes, at + 2, false) & 0xfff9) !== 0) this.#isFragment = true;
        [next, at] = [bytes[at]!, at + 8];
        if (this.#isFragment) break;
      } else {
        const length = next === 51 ? (bytes[at + 1]! + 2) * 4 : (bytes[at + 1]! + 1) * 8;
        [next, at] = [bytes[at]!, at + length];
      }
    }
    this.#protocol = next;
    this.#transportAt = at;
    return packetKinds.segment;
  }

  #readTcp(end: number): PacketKind {
    const { bytes } = this;
    const at = this.#transportAt;
    if (at + 20 > end) return this.#malformed("it ends inside its TCP header");
    const payloadStart = at + (bytes[at + 12]! >> 4) * 4;
    if (payloadStart < at + 20) return this.#malformed(`TCP header of ${payloadStart - at} bytes`);
    if (payloadStart > this.#wireEnd) return this.#malformed("its TCP header is longer than its IP packet");
    this.sourcePort = u16(bytes, at, false);
    this.destinationPort = u16(bytes, at + 2, false);
    this.sequence = u32(bytes, at + 4, false);
    this.acknowledged = u32(bytes, at + 8, false);
    this.flags = bytes[at + 13]!;
    // What follows the IP packet is padding of the Ethernet frame.
    this.payloadEnd = Math.min(end, this.#wireEnd);
    this.payloadStart = Math.min(payloadStart, this.payloadEnd);
    this.cutBytes = this.#wireEnd - Math.max(end, payloadStart);
    if (this.cutBytes < 0) this.cutBytes = 0;
    return packetKinds.segment;
  }
}

function isExtensionHeader(next: number): boolean {
  return (
    next === 0 ||
    next === 43 ||
    next === 44 ||
    next === 51 ||
    next === 60 ||
    next === 135 ||
    next === 139 ||
    next === 140
  );
}
