import { u16, u32 } from "./numbers.js";

// https://www.tcpdump.org/linktypes.html
const linkTypes = {
  null: 0,
  ethernet: 1,
  rawA: 12,
  rawB: 14,
  raw: 101,
  loop: 108,
  linuxCooked: 113,
  ipv4: 228,
  ipv6: 229,
  linuxCooked2: 276,
} as const;

/** What `networkOffset` answers when a packet holds no IP. */
export const offsets = {
  /** Something else, of no interest here: ARP, IEEE 802.3. */
  notIp: -1,
  /** The packet ends inside its link header. */
  cut: -2,
  /** The link type is none of those read here. */
  unknownLink: -3,
} as const;

/** Where the IP header starts in a packet of the given link type; negative values are `offsets`. */
export function networkOffset(bytes: Buffer, start: number, end: number, linkType: number): number {
  switch (linkType) {
    case linkTypes.ethernet:
      return afterEtherType(bytes, start + 12, start + 14, end);
    case linkTypes.linuxCooked:
      return afterEtherType(bytes, start + 14, start + 16, end);
    case linkTypes.linuxCooked2:
      return afterEtherType(bytes, start, start + 20, end);
    case linkTypes.null:
    case linkTypes.loop:
      return afterFamily(bytes, start, end);
    case linkTypes.raw:
    case linkTypes.rawA:
    case linkTypes.rawB:
    case linkTypes.ipv4:
    case linkTypes.ipv6:
      return start < end ? start : offsets.cut;
    default:
      return offsets.unknownLink;
  }
}

/** 802.1Q, 802.1ad, and the two numbers used before it was one. */
function isVlan(etherType: number): boolean {
  return etherType === 0x8100 || etherType === 0x88a8 || etherType === 0x9100 || etherType === 0x9200;
}

function afterEtherType(bytes: Buffer, typeAt: number, payloadAt: number, end: number): number {
  if (payloadAt > end) return offsets.cut;
  let etherType = u16(bytes, typeAt, false);
  let at = payloadAt;
  while (isVlan(etherType)) {
    if (at + 4 > end) return offsets.cut;
    etherType = u16(bytes, at + 2, false);
    at += 4;
  }
  if (etherType === 0x8864) return afterPppoe(bytes, at, end);
  return etherType === 0x0800 || etherType === 0x86dd ? at : offsets.notIp;
}

/** RFC 2516 section 4, RFC 1661 section 2: six bytes of session header, then the protocol of the payload. */
function afterPppoe(bytes: Buffer, at: number, end: number): number {
  if (at + 8 > end) return offsets.cut;
  const protocol = u16(bytes, at + 6, false);
  return protocol === 0x0021 || protocol === 0x0057 ? at + 8 : offsets.notIp;
}

/** Address families of NULL and LOOP: 2 is IPv4 everywhere; IPv6 is 24 (NetBSD), 28 (FreeBSD), 30 (macOS), 10 (Linux). */
const families: ReadonlySet<number> = new Set([2, 10, 24, 28, 30]);

/** The family is in the byte order of whoever captured, which nothing tells. */
function afterFamily(bytes: Buffer, start: number, end: number): number {
  if (start + 4 > end) return offsets.cut;
  const isIp = families.has(u32(bytes, start, true)) || families.has(u32(bytes, start, false));
  return isIp ? start + 4 : offsets.notIp;
}
