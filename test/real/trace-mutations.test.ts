import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CaptureReader } from "../../src/formats/pcap/capture-reader.js";
import { emptyPacket } from "../../src/formats/pcap/packet.js";
import { packetKinds, SegmentReader } from "../../src/formats/pcap/segment-reader.js";
import { KeyLog } from "../../src/trace/key-log.js";
import { CaptureTrace } from "../../src/trace/trace-capture.js";
import { ethernet, interfaceBlock, ipPacket, packetBlock, pcapFile, sectionHeader } from "../support/capture-writer.js";
import { cuts, mutations } from "../support/mutations.js";
import { survives as survivesInTime } from "../support/survives.js";
import { asIpv6, links } from "./support/rewritten-capture.js";

// Long rather than real: 100,000 damaged inputs and a cut at every byte for each parser that reads a stranger's bytes.

const count = 100_000;
const capture = readFileSync(new URL("../captures/openssl-client-certificates.pcapng", import.meta.url));
const packets = packetsOf(capture);
const [hello, flight] = packets.map(payloadOf).filter((payload) => payload.length > 0) as [Buffer, Buffer];

/** Throws nothing but what names the packet, and takes no time to speak of. */
function survives(inputs: Iterable<Buffer>, read: (input: Buffer) => void): void {
  survivesInTime(inputs, read, ({ message }) => expect(message).toMatch(/^cannot read the capture/));
}

function traceFile(file: Buffer): void {
  const trace = new CaptureTrace({ onConnection: () => {} });
  trace.push(file);
  trace.finish();
}

function readFile(file: Buffer): void {
  const reader = new CaptureReader({ onPacket: () => {}, onKeyLog: () => {} });
  reader.push(file);
  reader.end();
}

const some = packets.slice(0, 6);
const files: Record<string, Buffer> = {
  pcap: pcapFile(some),
  "pcap, big-endian": pcapFile(some, { isLittle: false }),
  pcapng: Buffer.concat([sectionHeader(), interfaceBlock(1, 9), ...some.map((packet) => packetBlock(packet, 1n))]),
};

describe("the readers of captures", { timeout: 600_000 }, () => {
  it.each(Object.keys(files))("survive any damage to %s", (name) => {
    survives(cuts(files[name]!), readFile);
    survives(mutations(files[name]!, count), readFile);
  });

  it.each(Object.keys(links))("survive any damage to a packet over %s", (name) => {
    const segment = new SegmentReader();
    const { front, linkType = 1 } = links[name]!;
    const read = (bytes: Buffer): void => {
      const kind = segment.read({ ...emptyPacket(), bytes, end: bytes.length, wireLength: bytes.length, linkType });
      if (kind !== packetKinds.segment) return;
      if (segment.payloadStart > segment.payloadEnd || segment.payloadEnd > bytes.length)
        throw new Error(`payload outside of ${bytes.toString("hex")}`);
    };
    for (const ip of [ipPacket({ from: 0, sequence: 1, payload: hello.subarray(0, 64) })].flatMap((v4) => [
      v4,
      asIpv6(v4),
    ])) {
      const packet = Buffer.concat([front(ip), ip]);
      survives(cuts(packet), read);
      survives(mutations(packet, count / 2), read);
    }
  });
});

describe("the reader of TLS in a capture", { timeout: 600_000 }, () => {
  const oneSided = (from: 0 | 1) => (payload: Buffer) =>
    traceFile(pcapFile([ethernet(ipPacket({ from, sequence: 1, payload: payload.subarray(0, 60_000) }))]));

  it("survives any damage to a ClientHello", () => {
    survives(cuts(hello), oneSided(0));
    survives(mutations(hello, count), oneSided(0));
  });

  it("survives any damage to a server's flight with its certificates and its request", () => {
    survives(cuts(flight), oneSided(1));
    survives(mutations(flight, count), oneSided(1));
  });
});

it("the reader of key logs survives any damage", { timeout: 600_000 }, () => {
  const line = Buffer.from(`SERVER_TRAFFIC_SECRET_0 ${"ab".repeat(32)} ${"cd".repeat(32)}\n`);
  const read = (text: Buffer) => new KeyLog().add(text.toString("latin1"));
  survives(cuts(line), read);
  survives(mutations(line, count), read);
});

function packetsOf(file: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < file.length; at += file.readUInt32LE(at + 4)) {
    if (file.readUInt32LE(at) === 6) found.push(file.subarray(at + 28, at + 28 + file.readUInt32LE(at + 20)));
  }
  return found;
}

function payloadOf(packet: Buffer): Buffer {
  return packet.subarray(34 + (packet[46]! >> 4) * 4);
}
