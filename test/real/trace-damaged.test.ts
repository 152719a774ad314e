import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import type { TracedConnection } from "../../src/trace/report-schema.js";
import { startChild } from "../support/child.js";
import { freePort } from "../support/free-port.js";
import { seededRandom } from "../support/mutations.js";
import { runChecked } from "../support/run-command.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import { capture } from "./support/captured.js";
import { asIpv6, cutUp, ipPacketsOf, links, rewritten, shuffledFlights } from "./support/rewritten-capture.js";
import { goPeer, type TlsMinor } from "./support/tls-peers.js";
import { type Comparable, comparable, comparableOfTshark, expectAgreement, traced } from "./support/trace-agreement.js";

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

  it.each([0.11, 0.37, 0.77])("tells what is there when the file ends after %d of it", async (share) => {
    const bytes = await readFile(source);
    const file = await written(bytes.subarray(0, insideOfPacket(bytes, bytes.length * share)));
    const { connections, problems } = await traced(file, keyLog);
    expect(connections.map(comparable)).toEqual(await comparableOfTshark(file, connections, keyLog));
    expect(problems).toEqual([
      expect.stringMatching(/^cannot read the capture at packet \d+: the file ends inside it$/),
    ]);
  });

  it.each([60, 100, 200, 400, 1000])(
    "tells at least what tshark does when packets are cut to %i bytes",
    async (length) => {
      const file = await edited("-F", "pcap", "-s", String(length));
      const { connections } = await traced(file, keyLog);
      expect(beyond(await comparableOfTshark(file, connections, keyLog), connections.map(comparable))).toEqual([]);
    },
  );

  it("tells at least what tshark does when packets are lost", async () => {
    const random = seededRandom(9);
    const file = await written(
      rewritten(
        packets.filter(() => random() > 0.03),
        raw,
      ),
    );
    const { connections } = await traced(file, keyLog);
    expect(beyond(await comparableOfTshark(file, connections, keyLog), connections.map(comparable))).toEqual([]);
  });

  it.each([0.0001, 0.0005, 0.002])("keeps damage of %d of the bytes to the connections it hit", async (share) => {
    const ports = new Set(whole.map(({ client }) => client.port));
    for (let seed = 1; seed <= 5; seed++) {
      const file = await edited("-F", "pcap", "-E", String(share), "-o", "14", "--seed", String(seed));
      const damaged = ipPacketsOf(await readFile(file));
      const hit = new Set(damaged.flatMap((packet, i) => (packet.equals(packets[i]!) ? [] : portsOf(packets[i]!))));
      const { connections } = await traced(file, keyLog);
      // A damaged port makes a connection that never was.
      const spared = ({ client }: TracedConnection) => ports.has(client.port) && !hit.has(client.port);
      expect(stories(connections.filter(spared))).toEqual(stories(whole.filter(spared)));
    }
  });
});

async function captureGo(files: TemporaryDirectory, version: TlsMinor): Promise<string> {
  const pki = await fieldReportPki();
  const pairs = { server: pki.verifier, plugin: pki.plugin, foreign: pki.cvCa.client };
  for (const [name, { chainPem, keyPem }] of Object.entries(pairs)) {
    await files.write(`${name}.crt`, chainPem);
    await files.write(`${name}.key`, keyPem);
  }
  await files.write("ca.crt", pki.caCompleteChainPem);
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
