import { Problem } from "../../core/problem.js";
import { loadCandidates } from "../../probe/load-candidates.js";
import { loadCertificates, loadCredentials } from "../../probe/load-credentials.js";
import { probe, type TlsChoice } from "../../probe/probe.js";
import { reportOf } from "../../probe/report.js";
import type { Stack } from "../../probe/stack.js";
import type { Io } from "../io.js";
import { probeText } from "../render/probe.js";
import { styleFor } from "../render/style.js";

export interface ProbeCommandOptions {
  cert?: string;
  key?: string;
  keyPasswordFile?: string;
  try?: string;
  ca?: string;
  servername: string;
  alpn?: string;
  tls: TlsChoice;
  as?: Stack;
  http: string | false;
  timeout: number;
  json?: boolean;
  verbose?: boolean;
}

const defaultName = "the host";

/** @returns the exit code; files that cannot be used are thrown as a Problem */
export async function runProbe(target: string, options: ProbeCommandOptions, io: Io): Promise<number> {
  const { host, port } = parseTarget(target);
  const { candidates, notes } = candidatesOf(options);
  const caFile = options.ca;
  const anchors =
    caFile === undefined ? [] : loadCertificates({ path: caFile, key: "--ca", isDefault: false }, "CA file");
  const serverName = options.servername === defaultName ? host : options.servername;
  const stories = await probe({
    host,
    port,
    serverName,
    alpn: (options.alpn ?? "").split(",").filter((each) => each !== ""),
    tls: options.tls,
    candidates,
    anchors,
    stack: options.as,
    httpPath: httpPathOf(options),
    timeoutMs: options.timeout,
    signal: io.interrupted,
  });
  const nowMs = Date.now();
  const report = reportOf(stories, { host, port, serverName, stack: options.as, caFile, anchors, nowMs, notes });
  if (options.json) io.out(`${JSON.stringify(report, undefined, 2)}\n`);
  const text = options.json ? "" : probeText(report, styleFor(io), options.verbose === true);
  io.out(text);
  for (const { problem } of report.connections) {
    // What the text tells in its place is not told twice.
    if (problem === null || text !== "") continue;
    io.err(`error: ${problem.message} [${problem.code}]\n`);
    if (problem.hint !== null) io.err(`hint: ${problem.hint}\n`);
  }
  return report.exit_code;
}

function candidatesOf({ cert, key, keyPasswordFile, try: directory }: ProbeCommandOptions) {
  const own = cert === undefined ? [] : [loadCredentials({ cert, key: key ?? cert, keyPassword: keyPasswordFile })];
  if (directory === undefined) return { candidates: own, notes: [] };
  const { candidates, notes } = loadCandidates(directory, keyPasswordFile);
  return { candidates: [...own, ...candidates], notes };
}

function httpPathOf({ http, alpn }: ProbeCommandOptions): string | undefined {
  if (http === false || (alpn !== undefined && !alpn.includes("http/1.1"))) return undefined;
  if (/^\/[\x21-\x7e]*$/.test(http)) return http;
  throw usage(
    `cannot ask for ${JSON.stringify(http)}: a path starts with / and has no blanks`,
    "for example --http /version",
  );
}

/** `host:port`, `[::1]:8881`; a URL's scheme and path are cut off, since that is what gets pasted. */
export function parseTarget(text: string): { host: string; port: number } {
  const bare = text.replace(/^https:\/\//, "").replace(/\/.*$/, "");
  const [, bracketed, plain, digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(bare) ?? [];
  const port = Number(digits);
  const host = bracketed ?? plain;
  if (host !== undefined && port >= 1 && port <= 65_535) return { host, port };
  throw usage(`cannot read ${JSON.stringify(text)} as HOST:PORT`, "for example 127.0.0.1:8881 or [::1]:8881");
}

function usage(message: string, hint: string): Problem {
  return new Problem("usage", message, { culprit: "usage", hint });
}
