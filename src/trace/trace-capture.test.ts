import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ethernet, ipPacket, pcapFile, type Segment } from "../../test/support/capture-writer.js";
import { mutations, seededRandom } from "../../test/support/mutations.js";
import { Problem } from "../core/problem.js";
import { KeyLog } from "./key-log.js";
import { type TracedConnection, traceReport } from "./report-schema.js";
import { CaptureTrace, type TraceOptions } from "./trace-capture.js";

const capture = readFileSync(new URL("../../test/captures/openssl-client-certificates.pcapng", import.meta.url));

function trace(file: Buffer, options: Partial<TraceOptions> = {}, chunkBytes = file.length) {
  const connections: TracedConnection[] = [];
  const reading = new CaptureTrace({ onConnection: (connection) => connections.push(connection), ...options });
  for (let at = 0; at < file.length; at += chunkBytes) reading.push(file.subarray(at, at + chunkBytes));
  return { connections, ...reading.finish() };
}

const told = ({ connections }: { connections: TracedConnection[] }) =>
  connections.map(
    ({ version, outcome, outcome_inferred, client_certificates, client_certificate, ca_names, alert, fault }) => ({
      version,
      outcome: outcome_inferred ? `${outcome}, inferred` : outcome,
      client: client_certificates.map(({ subject }) => subject),
      answer: client_certificate,
      ca_names,
      alert: alert && `${alert.name ?? "?"} from the ${alert.from}`,
      fault: fault?.id ?? null,
    }),
  );

const caNames = ["CN=Root, O=Tower"];
const own = ["CN=client", "CN=Root, O=Tower"];
const accepted = { outcome: "accepted", client: own, answer: "presented", ca_names: caNames, alert: null, fault: null };
const foreign = {
  outcome: "refused",
  client: ["CN=foreign"],
  answer: "presented",
  ca_names: caNames,
  alert: "unknown_ca from the server",
  fault: "ca-wrong",
};
const none = { outcome: "refused", client: [], answer: "none_sent", ca_names: caNames, fault: "client-cert-not-sent" };
const everything = [
  { version: "TLS 1.2", ...accepted },
  { version: "TLS 1.2", ...foreign },
  { version: "TLS 1.2", ...none, alert: "handshake_failure from the server" },
  { version: "TLS 1.3", ...accepted },
  { version: "TLS 1.3", ...foreign },
  { version: "TLS 1.3", ...none, alert: "certificate_required from the server" },
];

describe("a capture of OpenSSL's client certificates, accepted and refused", () => {
  it("is told in full with the secrets it carries, in any pieces", () => {
    for (const chunkBytes of [capture.length, 4096, 977, 1]) {
      const report = trace(capture, {}, chunkBytes);
      expect(told(report)).toEqual(everything);
      expect(report.totals).toMatchObject({ packets: 83, tls_connections: 6, refused: 4, malformed_packets: 0 });
    }
  });

  it("makes a document of the published schema", () => {
    const { connections, totals, problems } = trace(capture);
    const document = { schema: "spire-keylime/trace/v1", connections, totals, problems };
    expect(traceReport.parse(document)).toEqual(document);
  });

  it("says without the secrets what lengths and order allow, and that it is inferred", () => {
    const connections = told(trace(withoutSecrets(capture)));
    const unread = { version: "TLS 1.3", client: [], ca_names: null };
    expect(connections.slice(3)).toEqual([
      { ...unread, outcome: "accepted, inferred", answer: "presented", alert: null, fault: null },
      { ...unread, outcome: "refused, inferred", answer: "presented", alert: "? from the server", fault: null },
      {
        ...unread,
        outcome: "refused, inferred",
        answer: "none_sent",
        alert: "? from the server",
        fault: "client-cert-not-sent",
      },
    ]);
  });

  it("says so when the secrets are of other connections", () => {
    const keyLog = new KeyLog();
    keyLog.add(`CLIENT_HANDSHAKE_TRAFFIC_SECRET ${"00".repeat(32)} ${"11".repeat(32)}\n`);
    const report = trace(withoutSecrets(capture), { keyLog });
    expect(report.connections.map(({ decrypted }) => decrypted)).toEqual(Array(6).fill(false));
    expect(report.totals.key_log_connections).toBe(1);
  });

  it("is filtered by port and by address", () => {
    expect(trace(capture, { port: 28_881 }).connections).toHaveLength(6);
    expect(trace(capture, { port: 443 }).connections).toEqual([]);
    expect(trace(capture, { address: Buffer.from([127, 0, 0, 1]) }).connections).toHaveLength(6);
    expect(trace(capture, { address: Buffer.from([127, 0, 0, 2]) }).connections).toEqual([]);
  });

  it("tells as much as there is when it is cut anywhere", () => {
    for (let length = 200; length < capture.length; length += 211) {
      const { problems, totals } = trace(capture.subarray(0, length));
      const tail = problems.at(-1);
      if (tail !== undefined)
        expect(tail).toBe(`cannot read the capture at packet ${totals.packets + 1}: the file ends inside it`);
    }
  });

  it("survives damage of every kind", () => {
    for (const damaged of mutations(capture, 300, 7)) {
      try {
        trace(damaged);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
      }
    }
  });
});

/** The capture's own TCP payloads, for streams cut and shuffled otherwise. */
const hello = payloadsOf(capture, 2);

describe("the streams of a refused TLS 1.2 handshake", () => {
  it("read the same in segments of one byte, of seven, and shuffled", () => {
    for (const size of [1, 7, 50]) {
      const random = seededRandom(size);
      const inOrder = segmentsOf(hello, size);
      const [start, data] = [inOrder.slice(0, 2), inOrder.slice(2)];
      // Each flight shuffled within itself: a capture never mixes what waits for each other.
      const shuffled = data.flatMap((flight) => [...flight].sort(() => random() - 0.5));
      const report = trace(pcapFile([...start.flat(), ...shuffled].map((segment) => ethernet(ipPacket(segment)))));
      expect(told(report)).toEqual([everything[1]]);
    }
  });

  it("survive damage", () => {
    const streams = hello.map(({ payload }) => payload!);
    for (const side of [0, 1] as const) {
      for (const damaged of mutations(Buffer.concat(streams), 1500, side + 20)) {
        trace(pcapFile([ethernet(ipPacket({ from: side, sequence: 1, payload: damaged.subarray(0, 60_000) }))]));
      }
    }
  });

  it("tell a server that speaks no TLS", () => {
    const first = hello[0]!.payload!;
    const file = pcapFile(
      [
        { from: 0 as const, sequence: 0, flags: 2 },
        { from: 0 as const, sequence: 1, payload: first },
        { from: 1 as const, sequence: 1, payload: Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n") },
      ].map((segment) => ethernet(ipPacket(segment))),
    );
    expect(trace(file).connections).toMatchObject([{ outcome: "not_tls", fault: { id: "verifier-not-tls" } }]);
  });

  it("wait for what a FIN overtook", () => {
    const flights = segmentsOf(hello, 5000);
    const alert = flights.pop()!;
    const { from, sequence, payload } = alert[0]!;
    const other = from === 0 ? 1 : 0;
    const closes: Segment[] = [
      { from, sequence: sequence + payload!.length, flags: 17 },
      { from: other, sequence: endOf(flights.flat(), other), flags: 17 },
    ];
    const file = pcapFile([...flights.flat(), ...closes, ...alert].map((segment) => ethernet(ipPacket(segment))));
    expect(told(trace(file))).toEqual([everything[1]]);
  });

  it("are two connections when the same ports are used again", () => {
    const once = segmentsOf(hello, 5000).flat();
    const again = once.map((segment) => ({ ...segment, sequence: segment.sequence + 0x20000000 }));
    const file = pcapFile([...once, ...again].map((segment) => ethernet(ipPacket(segment))));
    expect(told(trace(file))).toEqual([everything[1], everything[1]]);
  });
});

/** Where the bytes of a side end. */
function endOf(segments: readonly Segment[], side: 0 | 1): number {
  const ends = segments.filter(({ from }) => from === side).map((each) => each.sequence + (each.payload?.length ?? 0));
  return Math.max(...ends);
}

/** Payloads of the nth connection, in order. */
function payloadsOf(file: Buffer, number: number): Segment[] {
  const segments: Segment[] = [];
  const ports = new Map<number, number>();
  for (let at = 0; at < file.length; at += file.readUInt32LE(at + 4)) {
    if (file.readUInt32LE(at) !== 6) continue;
    const packet = file.subarray(at + 28, at + 28 + file.readUInt32LE(at + 20));
    const tcp = 34;
    const [source, destination] = [packet.readUInt16BE(tcp), packet.readUInt16BE(tcp + 2)];
    const client = source === 28_881 ? destination : source;
    if (!ports.has(client)) ports.set(client, ports.size + 1);
    const payload = packet.subarray(tcp + (packet[tcp + 12]! >> 4) * 4);
    if (ports.get(client) !== number || payload.length === 0) continue;
    segments.push({ from: source === client ? 0 : 1, sequence: 0, payload });
  }
  return segments;
}

/** Flights of segments of at most `size` bytes: two SYNs, then each payload cut up. */
function segmentsOf(payloads: readonly Segment[], size: number): Segment[][] {
  const next = [1000, 2000];
  const flights: Segment[][] = [[{ from: 0, sequence: 999, flags: 2 }], [{ from: 1, sequence: 1999, flags: 18 }]];
  for (const { from, payload } of payloads) {
    const flight: Segment[] = [];
    for (let at = 0; at < payload!.length; at += size) {
      const part = payload!.subarray(at, at + size);
      flight.push({ from, sequence: next[from]!, payload: part });
      next[from]! += part.length;
    }
    flights.push(flight);
  }
  return flights;
}

function withoutSecrets(file: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at < file.length; at += file.readUInt32LE(at + 4)) {
    if (file.readUInt32LE(at) !== 0x0a) blocks.push(file.subarray(at, at + file.readUInt32LE(at + 4)));
  }
  return Buffer.concat(blocks);
}

describe("more connections than are kept open", () => {
  it("are told early, the oldest first, and counted", () => {
    const count = 8_020;
    const hello = Buffer.from("160301000401000000", "hex");
    const packets = Array.from({ length: count }, (_, i) => {
      const ends = { ports: [20_000 + i, 8881] as const };
      return [
        ethernet(ipPacket({ from: 0, sequence: 99, flags: 2 }, ends)),
        ethernet(ipPacket({ from: 0, sequence: 100, payload: hello }, ends)),
      ];
    });
    const { connections, totals } = trace(pcapFile(packets.flat()));
    expect(totals.told_early).toBe(20);
    expect(connections.slice(0, 20).map(({ client }) => client.port)).toEqual(
      Array.from({ length: 20 }, (_, i) => 20_000 + i),
    );
    expect(connections).toHaveLength(count);
  });
});
