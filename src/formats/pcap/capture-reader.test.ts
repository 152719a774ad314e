import { describe, expect, it } from "vitest";
import {
  ethernet,
  interfaceBlock,
  ipPacket,
  packetBlock,
  pcapFile,
  pcapngBlock,
  sectionHeader,
  words,
} from "../../../test/support/capture-writer.js";
import { mutations } from "../../../test/support/mutations.js";
import { Problem } from "../../core/problem.js";
import { CaptureReader } from "./capture-reader.js";
import { packetKinds, SegmentReader } from "./segment-reader.js";

interface Seen {
  packets: { bytes: string; timeMs: number; linkType: number; number: number }[];
  keyLogs: string[];
}

function read(file: Buffer, cuts: readonly number[] = []): Seen & { end: Problem | undefined } {
  const seen: Seen = { packets: [], keyLogs: [] };
  const reader = new CaptureReader({
    onPacket: ({ bytes, start, end, timeMs, linkType, number }) =>
      void seen.packets.push({ bytes: bytes.toString("hex", start, end), timeMs, linkType, number }),
    onKeyLog: (text) => void seen.keyLogs.push(text.toString()),
  });
  let from = 0;
  for (const to of [...cuts, file.length]) {
    reader.push(file.subarray(from, to));
    from = to;
  }
  return { ...seen, end: reader.end() };
}

const packets = [Buffer.from("first"), Buffer.from("the second"), Buffer.alloc(0)];
const startMs = 1_795_478_400_000;
const expected = packets.map((bytes, i) => ({
  bytes: bytes.toString("hex"),
  timeMs: startMs + i,
  linkType: 1,
  number: i + 1,
}));

describe("pcap", () => {
  it.each([
    { isLittle: true, isNano: false },
    { isLittle: false, isNano: false },
    { isLittle: true, isNano: true },
    { isLittle: false, isNano: true },
  ])("reads %o, cut at every byte", (options) => {
    const file = pcapFile(packets, options);
    for (let at = 0; at <= file.length; at++) {
      expect(read(file, [at])).toEqual({ packets: expected, keyLogs: [], end: undefined });
    }
  });

  it("says which packet the file ends in", () => {
    const file = pcapFile(packets);
    expect(read(file.subarray(0, file.length - 17)).end?.message).toBe(
      "cannot read the capture at packet 2: the file ends inside it",
    );
    expect(read(file.subarray(0, 10)).end?.message).toBe(
      "cannot read the capture at packet 1: the file ends inside it",
    );
    expect(read(file.subarray(0, 3)).end?.message).toBe("cannot read the capture: the file ends after 3 bytes");
  });

  it("refuses a packet of impossible length with its number", () => {
    const file = pcapFile(packets);
    file.writeUInt32LE(0x7fffffff, 24 + 16 + 5 + 8);
    expect(() => read(file)).toThrow(
      "cannot read the capture at packet 2: 2147483647 bytes long, at most 1048576 expected",
    );
  });

  it("says how to unpack a compressed capture", () => {
    const problem = captured(() => read(Buffer.from("1f8b080000", "hex")));
    expect(problem).toMatchObject({
      message: "cannot read the capture: it starts with 0x1f8b0800, which neither pcap nor pcapng does",
      hint: "unpack it first: gzip -dc FILE | spire-keylime trace -",
    });
  });
});

describe("pcapng", () => {
  const ticks = (ms: number): bigint => BigInt(ms) * 1000n;
  const secrets = pcapngBlock(0x0a, Buffer.concat([words([0x544c534b, 5]), Buffer.from("A b c")]));

  it("reads sections of both byte orders, several interfaces, secrets, old and simple packets, and skips the rest", () => {
    const file = Buffer.concat([
      sectionHeader(),
      interfaceBlock(1),
      interfaceBlock(113, 9),
      secrets,
      packetBlock(packets[0]!, ticks(startMs)),
      pcapngBlock(0x0bad, Buffer.alloc(100)),
      packetBlock(packets[1]!, BigInt(startMs) * 1_000_000n, 1),
      pcapngBlock(
        2,
        Buffer.concat([
          words([0, Number(ticks(startMs) >> 32n), Number(ticks(startMs) & 0xffffffffn), 5, 5]),
          packets[0]!,
        ]),
      ),
      pcapngBlock(3, Buffer.concat([words([5]), packets[0]!])),
      sectionHeader(false),
      interfaceBlock(101, 0x80 | 10, false),
      packetBlock(packets[0]!, BigInt(startMs / 1000) * 1024n, 0, false),
    ]);
    const first = { bytes: packets[0]!.toString("hex"), timeMs: startMs, linkType: 1, number: 1 };
    for (let at = 0; at <= file.length; at++) {
      expect(read(file, [at])).toEqual({
        packets: [
          first,
          { bytes: packets[1]!.toString("hex"), timeMs: startMs, linkType: 113, number: 2 },
          { ...first, number: 3 },
          { ...first, number: 4 },
          { ...first, linkType: 101, number: 5 },
        ],
        keyLogs: ["A b c"],
        end: undefined,
      });
    }
  });

  it("steps over an unknown block larger than memory without holding it", () => {
    const reader = new CaptureReader({ onPacket: () => {}, onKeyLog: () => {} });
    reader.push(sectionHeader());
    reader.push(Buffer.concat([words([0x0bad, 0xfffffff0])]));
    for (let i = 0; i < 64; i++) reader.push(Buffer.alloc(0x10000));
    expect(reader.space().length).toBeLessThanOrEqual(0x200000);
  });

  it.each([
    [
      "a packet of an interface that was not described",
      [packetBlock(packets[0]!, 0n, 3)],
      "interface 3 was not described",
    ],
    ["a block length that is no multiple of four", [words([6, 33, 0, 0])], "impossible block length 33"],
    ["two lengths that differ", [words([6, 12, 16])], "a block's two lengths differ"],
    [
      "a packet longer than its block",
      [pcapngBlock(6, words([0, 0, 0, 999, 999]))],
      "999 bytes long in a block with room for 0",
    ],
    [
      "a packet block too short for its fields",
      [pcapngBlock(6, words([0]))],
      "packet block of 4 bytes, at least 20 expected",
    ],
  ])("refuses %s, with the packet's number", (_, blocks, why) => {
    const file = Buffer.concat([sectionHeader(), interfaceBlock(1), packetBlock(packets[0]!, 0n), ...blocks]);
    expect(() => read(file)).toThrow(`cannot read the capture at packet 2: ${why}`);
  });
});

describe("damaged captures", () => {
  it("end in a problem or in packets, never in anything else", () => {
    const ip = ipPacket({ from: 0, sequence: 1, payload: Buffer.from("hello") });
    const files = [
      pcapFile([ethernet(ip), ethernet(ip, [0x8100])]),
      Buffer.concat([sectionHeader(), interfaceBlock(1, 9), packetBlock(ethernet(ip), 5n), packetBlock(ip, 6n)]),
    ];
    const segment = new SegmentReader();
    let packetsSeen = 0;
    for (const [seed, file] of files.entries()) {
      for (const damaged of mutations(file, 30_000, seed + 1)) {
        const reader = new CaptureReader({
          onKeyLog: () => {},
          onPacket: (packet) => {
            packetsSeen++;
            if (segment.read(packet) !== packetKinds.segment) return;
            if (segment.payloadStart < packet.start || segment.payloadEnd > packet.end)
              throw new Error("outside the packet");
          },
        });
        captured(() => reader.push(damaged));
      }
    }
    expect(packetsSeen).toBeGreaterThan(10_000);
  });
});

/** The problem a call throws, or undefined; anything else that is thrown fails the test. */
function captured(call: () => unknown): Problem | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error;
  }
}
