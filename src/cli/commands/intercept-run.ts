import { X509Certificate } from "node:crypto";
import { closeSync, constants, fchmodSync, fstatSync, openSync, writeSync } from "node:fs";
import { isIP } from "node:net";
import { systemClock } from "../../core/clock.js";
import { errorText, Problem } from "../../core/problem.js";
import { startInterceptor } from "../../intercept/interceptor.js";
import { connectionReport, type ReportView } from "../../intercept/report.js";
import type { InterceptedConnection, InterceptReport } from "../../intercept/report-schema.js";
import type { Upstream } from "../../intercept/upstream.js";
import { createSelfSigned } from "../../peers/pki/authority.js";
import { loadCertificates, loadCredentials } from "../../probe/load-credentials.js";
import { nameText } from "../../x509/distinguished-name.js";
import { readCertificateFields } from "../../x509/extensions.js";
import { exitCodes, type Io } from "../io.js";
import { interceptedText, interceptSummaryText } from "../render/intercept.js";
import { styleFor } from "../render/style.js";
import { parseTarget } from "./probe-run.js";

export interface InterceptCommandOptions {
  listen: string;
  cert: string;
  key?: string;
  keyPasswordFile?: string;
  clientCa?: string;
  caNames?: string;
  to?: string;
  upstreamCert?: string;
  upstreamKey?: string;
  upstreamKeyPasswordFile?: string;
  upstreamCa?: string;
  upstreamServername: string;
  once?: boolean;
  timeout: number;
  keylog?: string;
  json?: boolean;
}

const selfSigned = "a self-signed one";
const idleTimeoutMs = 60_000;
const maxConnections = 64;

/** @returns the exit code, when Ctrl-C or `--once` ends it; what cannot be started is thrown as a Problem */
export async function runIntercept(options: InterceptCommandOptions, io: Io): Promise<number> {
  const { host, port } = parseListen(options.listen);
  const shown = await shownPair(options, host);
  const { requestedAuthorities, view } = viewOf(options, shown.certPem);
  const upstream = upstreamOf(options);
  const keyLog = options.keylog === undefined ? undefined : openKeyLog(options.keylog, io);
  const seen: InterceptedConnection[] = [];
  const ended = new AbortController();
  const counts = { connections: 0, presented: 0, none: 0, left: 0 };
  const interceptor = await startInterceptor({
    host,
    port,
    ...shown,
    requestedAuthorities,
    upstream,
    handshakeTimeoutMs: options.timeout,
    idleTimeoutMs,
    maxConnections,
    keyLog: keyLog?.write,
    clock: systemClock,
    onConnection: (connection) => {
      if (options.once && seen.length > 0) return;
      const report = connectionReport(connection, view);
      seen.splice(0, seen.length, report);
      counts.connections++;
      counts[report.presented === "certificate" ? "presented" : report.presented === "none" ? "none" : "left"]++;
      io.out(options.json ? `${JSON.stringify(documentOf(report))}\n` : interceptedText(report, styleFor(io)));
      if (options.once) ended.abort();
    },
  });
  const listening = `${host.includes(":") ? `[${host}]` : host}:${interceptor.address.port}`;
  const documentOf = (report: InterceptedConnection): InterceptReport => ({
    schema: "spire-keylime/intercept/v1",
    listen: listening,
    to: options.to ?? null,
    connections: [report],
  });
  announce(listening, options, io);
  try {
    await waitFor(io.interrupted, ended.signal);
    // What was just written to a client still goes out.
    await new Promise((resume) => setTimeout(resume, options.once ? 100 : 0));
  } finally {
    await interceptor.stop();
    keyLog?.close();
  }
  io.err(interceptSummaryText(counts));
  const [only] = seen;
  return options.once && only !== undefined && only.outcome !== "completed" ? exitCodes.findings : exitCodes.ok;
}

function viewOf({ clientCa: file, caNames }: InterceptCommandOptions, shownPem: string) {
  const load = (path: string, key: string) => loadCertificates({ path, key, isDefault: false }, "CA file");
  const requestedAuthorities =
    caNames === undefined ? [] : load(caNames, "--ca-names").map(({ raw }) => readCertificateFields(raw).subject);
  const view: ReportView = {
    shown: certificatesOf(shownPem),
    clientCa: file === undefined ? undefined : { file, anchors: load(file, "--client-ca") },
    requestedNames: requestedAuthorities.map(nameText),
  };
  return { requestedAuthorities, view };
}

function announce(listening: string, { cert, to }: InterceptCommandOptions, io: Io): void {
  io.err(
    `listening on ${listening}; ${to === undefined ? "requests are answered with 503" : `requests go on to ${to}`}\n`,
  );
  const { host } = parseListen(listening);
  if (!isLoopback(host)) {
    io.err(
      `warning: ${listening} can be reached from other hosts, and whoever connects is served${to === undefined ? "" : ` with your certificate at ${to}`}\n`,
    );
  }
  if (cert === selfSigned) {
    io.err(
      "note: clients are shown a self-signed certificate; one that verifies its server hangs up before it presents its own\n",
    );
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function waitFor(...signals: AbortSignal[]): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return Promise.resolve();
  return new Promise((resolve) => {
    for (const signal of signals) signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function parseListen(text: string): { host: string; port: number } {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return { host: "127.0.0.1", port: Number(text) };
  const free = /^(.+):0$/.exec(text)?.[1];
  if (free !== undefined) return { host: parseTarget(`${free}:1`).host, port: 0 };
  return parseTarget(text);
}

async function shownPair({ cert, key, keyPasswordFile }: InterceptCommandOptions, host: string) {
  if (cert !== selfSigned)
    return pemPair(loadCredentials({ cert, key: key ?? cert, keyPassword: keyPasswordFile, side: "server" }));
  const addresses = isIP(host) === 0 ? ["127.0.0.1"] : [host];
  const { certPem, keyPem } = await createSelfSigned({
    commonName: "spire-keylime intercept",
    dnsNames: ["localhost"],
    ipAddresses: addresses,
    eku: ["serverAuth"],
  });
  return { certPem, keyPem };
}

function pemPair({ chain, key }: ReturnType<typeof loadCredentials>): { certPem: string; keyPem: string } {
  return { certPem: chain.map(String).join("\n"), keyPem: key.export({ type: "pkcs8", format: "pem" }).toString() };
}

const certificatesOf = (pem: string): X509Certificate[] =>
  (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (each) => new X509Certificate(each),
  );

function upstreamOf(options: InterceptCommandOptions): Upstream | undefined {
  const { to, upstreamCert: cert, upstreamKey: key, upstreamCa: ca, upstreamKeyPasswordFile: keyPassword } = options;
  if (to === undefined || ca === undefined) return undefined;
  const { host, port } = parseTarget(to);
  const pair =
    cert === undefined
      ? undefined
      : pemPair(loadCredentials({ cert, key: key ?? cert, keyPassword, prefix: "--upstream-" }));
  const anchors = loadCertificates({ path: ca, key: "--upstream-ca", isDefault: false }, "CA file");
  const serverName = options.upstreamServername === "the host" ? host : options.upstreamServername;
  return {
    host,
    port,
    serverName,
    certPem: pair?.certPem,
    keyPem: pair?.keyPem,
    caPem: anchors.map(String).join("\n"),
    timeoutMs: options.timeout,
  };
}

interface KeyLogFile {
  write(line: string): void;
  close(): void;
}

function openKeyLog(path: string, io: Io): KeyLogFile {
  let descriptor: number;
  try {
    // A pipe that nobody reads would hold the opening up for ever.
    descriptor = openSync(
      path,
      constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      0o600,
    );
    if (!fstatSync(descriptor).isFile()) throw new Error("it is not a regular file");
    // Of a file that was there before, too.
    fchmodSync(descriptor, 0o600);
  } catch (cause) {
    throw new Problem("intercept-keylog", `cannot write the key log ${path}: ${errorText(cause)}`, {
      culprit: "configuration",
      cause,
      hint: "name a file in a directory you may write to",
    });
  }
  io.err(`warning: secrets of every connection go to ${path} (mode 0600): delete it when you are done\n`);
  return {
    write: (line) => void writeSync(descriptor, `${line}\n`),
    close: () => closeSync(descriptor),
  };
}
