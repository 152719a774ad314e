import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TracedConnection } from "../../src/trace/report-schema.js";
import { startChild } from "../support/child.js";
import { freePort } from "../support/free-port.js";
import { seededRandom } from "../support/mutations.js";
import { runChecked } from "../support/run-command.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import { capture } from "./support/captured.js";
import { writePairs } from "./support/pair-files.js";
import {
  asIpv6,
  cutUp,
  ipPacketsOf,
  links,
  rewritten,
  shuffledFlights,
  sidesApart,
} from "./support/rewritten-capture.js";
import { goPeer, type TlsMinor } from "./support/tls-peers.js";
import { type Comparable, comparable, comparableOfTshark, expectAgreement, traced } from "./support/trace-agreement.js";
import { tsharkCutPackets } from "./support/tshark.js";

// One real capture for each version, rewritten and damaged in every way; tshark reads the very same file.

const presented = ["none", "plugin", "foreign", "distrust", "wrongKey", "plugin", "foreign", "none"];
const raw = links["raw IP"]!;

describe.each(["2", "3"] as const)("a capture of TLS 1.%s", (version) => {
  let files: TemporaryDirectory;
  let source: string;
  let keyLog: string | undefined;
  let packets: Buffer[];
  let whole: TracedConnection[];

  beforeAll(async () => {
    files = await temporaryDirectory("damaged");
    source = await captureGo(files, version);
    keyLog = version === "3" ? files.file("keys") : undefined;
    packets = ipPacketsOf(await readFile(source));
    whole = await expectAgreement(source, keyLog);
    expect(whole).toHaveLength(presented.length);
  });
  afterAll(() => files[Symbol.asyncDispose]());

  const written = async (bytes: Buffer): Promise<string> => {
    await writeFile(files.file("rewritten.pcap"), bytes);
    return files.file("rewritten.pcap");
  };
  const edited = async (...args: string[]): Promise<string> => {
    await runChecked("editcap", [...args, source, files.file("edited.pcap")]);
    return files.file("edited.pcap");
  };
  const stories = (connections: readonly TracedConnection[]) => connections.map(comparable).sort(byPort);
  /** Nothing of the connections is lost by the form they come in, in our eyes and in tshark's. */
  const expectAll = async (file: string): Promise<void> => {
    expect(stories(await expectAgreement(file, keyLog))).toEqual(stories(whole));
  };

  it.each(Object.keys(links))("reads the same over %s", async (name) => {
    await expectAll(await written(rewritten(packets, links[name]!)));
  });

  it.each(["Linux cooked v2", "VLAN", "BSD loopback", "raw IP"])("reads the same in IPv6 over %s", async (name) => {
    await expectAll(await written(rewritten(packets.map(asIpv6), links[name]!)));
  });

  it.each(["pcapng", "nsecpcap"])("reads the same as %s", async (format) => expectAll(await edited("-F", format)));

  it("reads the same with every packet captured twice", async () => {
    const twice = await written(
      rewritten(
        packets.flatMap((packet) => [packet, packet]),
        raw,
      ),
    );
    await expectAll(twice);
    await runChecked("editcap", ["-d", twice, files.file("once.pcap")]);
    await expectAll(files.file("once.pcap"));
  });

  it.each([50, 100, 300])("reads the same in segments of %i bytes, each flight shuffled", async (bytes) => {
    await expectAll(await written(rewritten(shuffledFlights(cutUp(packets, bytes), seededRandom(bytes)), raw)));
  });

  // tshark opens none of it: the order of cause and effect is ours to find.
  it.each(["client", "server"] as const)(
    "reads the same with all that the %s sends before the other side's",
    async (first) => {
      const apart = await written(rewritten(sidesApart(cutUp(packets, 300), first), raw));
      expect(stories((await traced(apart, keyLog)).connections)).toEqual(stories(whole));
    },
  );

  it.each([0.11, 0.37, 0.77])("tells what is there when the file ends after %d of it", async (share) => {
    const bytes = await readFile(source);
    const file = await written(bytes.subarray(0, insideOfPacket(bytes, bytes.length * share)));
    const { connections, problems } = await traced(file, keyLog);
    expect(connections.map(comparable)).toEqual(await comparableOfTshark(file, connections, keyLog));
    expect(problems).toEqual([
      expect.stringMatching(/^cannot read the capture at packet \d+: the file ends inside it$/),
    ]);
  });

  const portOf = ({ client }: TracedConnection) => client.port;
  /** What tshark and trace tell of the same file: all of tshark's is told, and nothing that the whole capture does not hold. */
  const expectBetween = async (file: string, connections: readonly TracedConnection[]): Promise<void> => {
    const told = connections.map(comparable);
    expect(beyond(await comparableOfTshark(file, connections, keyLog), told)).toEqual([]);
    expect(beyond(told, whole.map(comparable))).toEqual([]);
  };
  /** Connections that nothing was done to: told as in the whole capture, in our eyes and in tshark's. */
  const expectSpared = async (
    file: string,
    connections: readonly TracedConnection[],
    isSpared: (port: number) => boolean,
  ): Promise<void> => {
    const spared = connections.filter((connection) => isSpared(portOf(connection)));
    expect(stories(spared)).toEqual(stories(whole.filter((connection) => isSpared(portOf(connection)))));
    expect(spared.map(comparable)).toEqual(await comparableOfTshark(file, spared, keyLog));
  };

  it.each([400, 600, 1000])(
    "tells connections whose packets stay whole when others are cut to %i bytes",
    async (length) => {
      const small = new Set(whole.map(portOf).filter((_, i) => i % 2 === 0));
      const isSmall = (packet: Buffer) => portsOf(packet).some((port) => small.has(port));
      const mixed = await written(
        rewritten(
          packets.flatMap((packet) => (isSmall(packet) ? cutUp([packet], 300) : [packet])),
          raw,
        ),
      );
      await runChecked("editcap", ["-F", "pcap", "-s", String(length), mixed, files.file("cut.pcap")]);
      const file = files.file("cut.pcap");
      const { connections, totals } = await traced(file, keyLog);
      expect(totals.cut_packets).toBe(await tsharkCutPackets(file));
      expect(totals.cut_packets).toBeGreaterThanOrEqual(whole.length - small.size);
      await expectBetween(file, connections);
      await expectSpared(file, connections, (port) => small.has(port));
    },
  );

  it.each([54, 60, 100, 200])("invents nothing when every message is cut to %i bytes", async (length) => {
    const file = await edited("-F", "pcap", "-s", String(length));
    const { connections, totals } = await traced(file, keyLog);
    expect(totals.cut_packets).toBe(await tsharkCutPackets(file));
    expect(totals.cut_packets).toBeGreaterThan(whole.length);
    // The marker is one more.
    expect(totals.tls_connections + totals.other_connections).toBeGreaterThan(whole.length);
    await expectBetween(file, connections);
  });

  it.each([1, 2, 3, 4, 5, 6])("tells at least what tshark does when packets are lost, case %i", async (seed) => {
    const random = seededRandom(seed);
    const isKept = packets.map(() => random() > 0.05);
    const lost = new Set(packets.filter((_, i) => !isKept[i]).flatMap(portsOf));
    expect(lost.size).toBeGreaterThan(1);
    const file = await written(
      rewritten(
        packets.filter((_, i) => isKept[i]),
        raw,
      ),
    );
    const { connections } = await traced(file, keyLog);
    await expectBetween(file, connections);
    await expectSpared(file, connections, (port) => !lost.has(port));
  });

  it.each([0.0001, 0.0003, 0.0005])("keeps damage of %d of the bytes to the connections it hit", async (share) => {
    let spared = 0;
    for (let seed = 1; seed <= 5; seed++) {
      const file = await edited("-F", "pcap", "-E", String(share), "-o", "14", "--seed", String(seed));
      const damaged = ipPacketsOf(await readFile(file));
      // A damaged port may be that of another connection, or make one that never was.
      const hit = new Set(
        damaged.flatMap((packet, i) =>
          packet.equals(packets[i]!) ? [] : [...portsOf(packet), ...portsOf(packets[i]!)],
        ),
      );
      const ports = new Set(whole.map(portOf).filter((port) => !hit.has(port)));
      spared += ports.size;
      const { connections } = await traced(file, keyLog);
      await expectSpared(file, connections, (port) => ports.has(port));
    }
    expect(spared).toBeGreaterThan(0);
    expect(spared).toBeLessThan(5 * whole.length);
  });
});

async function captureGo(files: TemporaryDirectory, version: TlsMinor): Promise<string> {
  await writePairs(files);
  const go = await goPeer(files);
  const [port, file] = [await freePort(), files.file("source.pcap")];
  await using server = await startChild(go.server(port, version, files.file("keys")));
  await until(() => server.output().includes("ready"), { what: "the server to listen", timeoutMs: 30_000 });
  await capture(file, port, () => go.connect(port, version, files.file("keys"), presented), ["-P"]);
  return file;
}

const byPort = (a: Comparable, b: Comparable) => a.clientPort - b.clientPort;

/** The middle of the packet of a classic little-endian capture that an offset falls into. */
function insideOfPacket(file: Buffer, offset: number): number {
  let at = 24;
  const length = () => file.readUInt32LE(at + 8);
  while (at + 16 + length() < offset) at += 16 + length();
  return at + 16 + Math.floor(length() / 2);
}

/** Both ports of an IPv4 packet: damage to it concerns the connections of either. */
function portsOf(ip: Buffer): number[] {
  return [ip.readUInt16BE(20), ip.readUInt16BE(22)];
}

/** What theirs tells and ours does not, connection by connection. */
function beyond(theirs: readonly Comparable[], ours: readonly Comparable[]): string[] {
  const facts = ({ clientPort, client, server, alerts, caNames }: Comparable) =>
    [
      ...client.map((each) => `client ${each}`),
      ...server.map((each) => `server ${each}`),
      ...alerts,
      ...(caNames ?? []),
    ].map((fact) => `${clientPort} ${fact}`);
  const told = new Set(ours.flatMap(facts));
  return theirs.flatMap(facts).filter((fact) => !told.has(fact));
}
