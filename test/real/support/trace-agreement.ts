import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { expect } from "vitest";
import { KeyLog } from "../../../src/trace/key-log.js";
import type { TracedConnection, TraceTotals } from "../../../src/trace/report-schema.js";
import { CaptureTrace } from "../../../src/trace/trace-capture.js";
import { nameText } from "../../../src/x509/distinguished-name.js";
import { type TsharkStream, tsharkStreams } from "./tshark.js";

export interface Traced {
  connections: TracedConnection[];
  totals: TraceTotals;
  problems: string[];
}

export async function traced(file: string, keyLogFile?: string): Promise<Traced> {
  const connections: TracedConnection[] = [];
  const keyLog = new KeyLog();
  if (keyLogFile !== undefined) keyLog.add(await readFile(keyLogFile, "latin1"));
  const trace = new CaptureTrace({ keyLog, onConnection: (connection) => connections.push(connection) });
  trace.push(await readFile(file));
  const { totals, problems } = trace.finish();
  // The marker sends nothing, and some servers answer that with an alert that tshark takes for no TLS.
  const spoken = connections.filter(({ steps }) => steps.some(({ name }) => name === "client_hello"));
  return { connections: spoken.sort((a, b) => a.number - b.number), totals, problems };
}

/** What both programs can tell of a connection: certificates by fingerprint, alerts, CA names (null: no request read). */
export interface Comparable {
  clientPort: number;
  client: string[];
  server: string[];
  alerts: string[];
  caNames: string[] | null;
}

export function comparable(connection: TracedConnection): Comparable {
  return {
    clientPort: connection.client.port,
    client: connection.client_certificates.map(({ sha256 }) => sha256),
    server: connection.server_certificates.map(({ sha256 }) => sha256),
    alerts: connection.alerts.filter(({ number }) => number !== null).map(({ from, number }) => `${from} ${number}`),
    caNames: connection.ca_names,
  };
}

/** tshark's view of the same connections, which all go to one server, each from a port of its own. */
export async function comparableOfTshark(
  file: string,
  connections: readonly TracedConnection[],
  keyLog?: string,
): Promise<Comparable[]> {
  const [first] = connections;
  if (first === undefined) return [];
  const streams = await tsharkStreams(file, first.server.port, keyLog);
  return connections.map(({ client }) => viewOf(streams.get(client.port) ?? nothing, client.port));
}

const nothing: TsharkStream = { certificates: [], alerts: [], caNames: undefined };

function viewOf({ certificates, alerts, caNames }: TsharkStream, clientPort: number): Comparable {
  const side = (port: number): string => (port === clientPort ? "client" : "server");
  const of = (wanted: string) =>
    certificates.filter(({ fromPort }) => side(fromPort) === wanted).flatMap(({ der }) => der.map(sha256));
  return {
    clientPort,
    client: of("client"),
    server: of("server"),
    alerts: alerts.map((alert) => `${side(alert.fromPort)} ${alert.number}`),
    caNames: caNames?.map((hex) => nameText(Buffer.from(hex, "hex"))) ?? null,
  };
}

/** Everything tshark sees, certificate by certificate, alert by alert and name by name, is what trace tells. */
export async function expectAgreement(file: string, keyLog?: string): Promise<TracedConnection[]> {
  const { connections, problems } = await traced(file, keyLog);
  expect(problems).toEqual([]);
  expect(connections.map(comparable)).toEqual(await comparableOfTshark(file, connections, keyLog));
  return connections;
}

function sha256(hex: string): string {
  return createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex");
}
