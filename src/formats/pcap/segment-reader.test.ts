import { describe, expect, it } from "vitest";
import { ethernet, ipPacket } from "../../../test/support/capture-writer.js";
import { packetKinds, SegmentReader } from "./segment-reader.js";

const payload = Buffer.from("payload");
const ip = ipPacket({ from: 0, sequence: 7, payload });
const six: readonly [Buffer, Buffer] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
const ip6 = ipPacket({ from: 1, sequence: 7, payload }, { addresses: six });

function read(bytes: Buffer, linkType: number, wireLength = bytes.length) {
  const segment = new SegmentReader();
  const kind = segment.read({ bytes, start: 0, end: bytes.length, wireLength, linkType, timeMs: 0, number: 1 });
  return { kind, segment };
}

const hex = (text: string): Buffer => Buffer.from(text, "hex");
const carriers: [name: string, linkType: number, packet: Buffer][] = [
  ["Ethernet", 1, ethernet(ip)],
  ["Ethernet with IPv6", 1, ethernet(ip6)],
  ["802.1Q", 1, ethernet(ip, [0x8100])],
  ["QinQ", 1, ethernet(ip6, [0x88a8, 0x8100])],
  ["Linux cooked v1", 113, Buffer.concat([Buffer.alloc(14), hex("0800"), ip])],
  ["Linux cooked v2", 276, Buffer.concat([hex("86dd"), Buffer.alloc(18), ip6])],
  ["loopback NULL, little endian", 0, Buffer.concat([hex("02000000"), ip])],
  ["loopback NULL, big endian, IPv6 of macOS", 0, Buffer.concat([hex("0000001e"), ip6])],
  ["loopback LOOP", 108, Buffer.concat([hex("00000002"), ip])],
  ["raw IP", 101, ip],
  ["raw IPv6", 229, ip6],
  ["IPv6 with hop-by-hop and destination options", 101, withExtension(withExtension(ip6, 60), 0)],
  ["Ethernet with padding", 1, Buffer.concat([ethernet(ip), Buffer.alloc(9)])],
];

function withExtension(packet: Buffer, type: number): Buffer {
  const header = Buffer.from(packet.subarray(0, 40));
  const extension = Buffer.alloc(8);
  extension[0] = header[6]!;
  header[6] = type;
  header.writeUInt16BE(header.readUInt16BE(4) + 8, 4);
  return Buffer.concat([header, extension, packet.subarray(40)]);
}

describe("SegmentReader", () => {
  it.each(carriers)("finds the segment in %s", (_, linkType, packet) => {
    const { kind, segment } = read(packet, linkType);
    expect(kind).toBe(packetKinds.segment);
    expect(segment.bytes.toString("latin1", segment.payloadStart, segment.payloadEnd)).toBe("payload");
    expect(segment).toMatchObject({ sequence: 7, cutBytes: 0 });
    expect([segment.sourcePort, segment.destinationPort].sort()).toEqual([40_000, 8881]);
  });

  it.each(carriers)(
    "takes a truncation of %s at every byte for malformed, or for a segment cut by the capture",
    (_, linkType, packet) => {
      for (let end = 0; end < packet.length; end++) {
        const { kind, segment } = read(packet.subarray(0, end), linkType, packet.length);
        if (kind !== packetKinds.segment) {
          expect(kind).toBe(packetKinds.malformed);
          continue;
        }
        const seen = segment.payloadEnd - segment.payloadStart;
        expect(seen + segment.cutBytes).toBe(payload.length);
      }
    },
  );

  it("tells fragments, other protocols and unknown links apart", () => {
    const fragment = Buffer.from(ip);
    fragment.writeUInt16BE(0x2000, 6);
    const udp = Buffer.from(ip);
    udp[9] = 17;
    expect(read(fragment, 101).kind).toBe(packetKinds.fragment);
    expect(read(udp, 101).kind).toBe(packetKinds.other);
    expect(read(hex("000000000000000000000000080600"), 1).kind).toBe(packetKinds.other);
    expect(read(ip, 147).kind).toBe(packetKinds.unknownLink);
  });
});
