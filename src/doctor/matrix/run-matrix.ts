import { X509Certificate } from "node:crypto";
import { parseOfferedVersions } from "../../keylime/api-version.js";
import { openEnvelope } from "../../keylime/call.js";
import type { FieldReportPki } from "../../peers/pki/field-report-pki.js";
import type { ConnectionStory } from "../../probe/connection-story.js";
import { presentingOf } from "../../probe/presenting.js";
import { runConnection } from "../../probe/probe-connection.js";
import { alertName } from "../../tls/alert.js";
import { tls13 } from "../../tls/tables/protocol.js";
import { type MatrixClient, matrixClients } from "./matrix-clients.js";
import { type MatrixRow, matrixRows } from "./matrix-rows.js";
import type { MatrixCell, MatrixReport } from "./matrix-schema.js";
import type { StartVerifier } from "./matrix-verifier.js";

export interface MatrixOptions {
  pki: FieldReportPki;
  start: StartVerifier;
  verifier: MatrixReport["verifier"];
  program: string | undefined;
  timeoutMs: number;
  signal?: AbortSignal;
  /** Told before each row. */
  onRow?: (row: MatrixRow, number: number, of: number) => void;
}

const path = "/v2.2/agents/test";

/** Starts a throw-away verifier for each value of trusted_client_ca and lets each client ask it. */
export async function runMatrix(options: MatrixOptions): Promise<MatrixReport> {
  const clients = await matrixClients(options.pki);
  const rows: MatrixReport["rows"] = [];
  let apiVersion: string | undefined;
  for (const [index, row] of matrixRows.entries()) {
    options.signal?.throwIfAborted();
    options.onRow?.(row, index + 1, matrixRows.length);
    const played = await playRow(row, clients, options);
    rows.push(played.row);
    apiVersion ??= played.apiVersion;
  }
  return {
    schema: "spire-keylime/doctor-matrix/v1",
    verifier: options.verifier,
    program: options.program ?? null,
    api_version: apiVersion ?? null,
    request: `GET ${path}`,
    clients: clients.map(({ id, presents }) => ({ id, presents })),
    rows,
  };
}

interface PlayedRow {
  row: MatrixReport["rows"][number];
  apiVersion: string | undefined;
}

async function playRow(row: MatrixRow, clients: readonly MatrixClient[], options: MatrixOptions): Promise<PlayedRow> {
  const { value, meaning } = row;
  const told = { trusted_client_ca: value, meaning };
  const verifier = await options.start(row);
  if ("failure" in verifier) {
    return { row: { ...told, starts: false, start_failure: verifier.failure, cells: [] }, apiVersion: undefined };
  }
  try {
    const ask = (client: MatrixClient, what: string) => askAs(client, verifier.port, what, options);
    const version = await ask(clients[0]!, "/version");
    const cells: MatrixCell[] = [];
    for (const client of clients) cells.push(cellOf(client, await ask(client, path)));
    return { row: { ...told, starts: true, start_failure: null, cells }, apiVersion: newestOf(version) };
  } finally {
    await verifier.stop();
  }
}

function askAs(client: MatrixClient, port: number, what: string, options: MatrixOptions): Promise<ConnectionStory> {
  const { pki, timeoutMs, signal } = options;
  const { credentials, stack } = client;
  const anchors = [pki.intermediate, pki.root].map(({ certPem }) => new X509Certificate(certPem));
  return runConnection({
    host: "127.0.0.1",
    port,
    offer: { versions: [tls13], serverName: undefined, alpn: [] },
    candidate: credentials,
    presenting: credentials && presentingOf(stack, credentials, anchors),
    timeoutMs,
    httpPath: what,
    ...(signal === undefined ? {} : { signal }),
  });
}

function cellOf({ id }: MatrixClient, { alert, http, evidence, problem }: ConnectionStory): MatrixCell {
  const shared = { client: id, http_status: http?.status ?? null };
  if (alert !== undefined)
    return { ...shared, alert: { number: alert.number, name: alertName(alert.number) }, reason: null };
  return { ...shared, alert: null, reason: http === undefined ? (problem?.message ?? evidence) : null };
}

function newestOf({ http }: ConnectionStory): string | undefined {
  const { results } = openEnvelope(http?.body ?? "");
  const offered = results && parseOfferedVersions(results);
  return offered?.filter((each) => each.startsWith("2.")).at(-1);
}
