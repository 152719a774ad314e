import { X509Certificate } from "node:crypto";
import { alertLevels, alertMeanings, alertName } from "../tls/alert.js";
import { cipherSuites } from "../tls/tables/cipher-suites.js";
import { namedGroups } from "../tls/tables/named-groups.js";
import { protocolVersions } from "../tls/tables/protocol.js";
import { signatureSchemes } from "../tls/tables/signature-schemes.js";
import { certificateFacts } from "../x509/certificate.js";
import { certificateReport, unreadableReport } from "../x509/certificate-report.js";
import { nameText } from "../x509/distinguished-name.js";
import type { ConnectionStory } from "./connection-story.js";
import { httpRefusal } from "./http-refusal.js";
import { judgeRefusal } from "./judge-refusal.js";
import { judgeServer } from "./judge-server.js";
import { peerName } from "./peer-name.js";
import type { ProbedCertificate, ProbedConnection, ProbeFinding, ProbeReport } from "./report-schema.js";
import { isCertificate } from "./server-chain.js";
import { presentAs, type Stack } from "./stack.js";

export interface ReportOptions {
  host: string;
  port: number;
  serverName: string;
  stack: Stack | undefined;
  caFile: string | undefined;
  anchors: readonly X509Certificate[];
  nowMs: number;
  notes: readonly string[];
}

/** Everything a probe found, in the form that is printed. */
export function reportOf(stories: readonly ConnectionStory[], options: ReportOptions): ProbeReport {
  const peer = peerName(stories, options.port);
  const { host, port, serverName, stack, notes } = options;
  const hasCandidates = stories.some(({ candidate }) => candidate !== undefined);
  const connections = stories.map((story) => connectionOf(story, { ...options, peer, hasCandidates }));
  const server = judgeServer(
    stories.find(({ serverChain }) => serverChain.some(isCertificate)),
    options,
  );
  return {
    schema: "spire-keylime/probe/v1",
    target: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
    peer,
    server_name: serverName,
    as: stack ?? null,
    server,
    connections,
    notes: [...notes],
    exit_code: exitCodeOf(connections, server),
  };
}

/**
 * 3 when a connection brought no verdict; 1 when a candidate was refused, or, without candidates, the bare connection was,
 * or the server itself is at fault; else 0.
 */
function exitCodeOf(connections: readonly ProbedConnection[], server: ProbeReport["server"]): number {
  if (connections.some(({ outcome }) => outcome === "unknown")) return 3;
  const presented = connections.filter(({ candidate }) => candidate !== null);
  const counted = presented.length > 0 ? presented : connections;
  const findings = [...(server?.findings ?? []), ...counted.flatMap((each) => each.findings)];
  return findings.some(({ severity }) => severity === "error") ? 1 : 0;
}

type View = ReportOptions & { peer: string; hasCandidates: boolean };

function connectionOf(story: ConnectionStory, view: View): ProbedConnection {
  const { timing, request, http, problem } = story;
  const named = (number: number | undefined, table: { name(n: number): string }) =>
    number === undefined ? null : table.name(number);
  return {
    candidate: story.candidate?.name ?? null,
    candidate_key: story.candidate?.keyPath ?? null,
    versions_offered: story.offeredVersions.map((version) => protocolVersions.name(version)),
    outcome: httpRefusal(story) === undefined ? story.outcome : "refused",
    evidence: story.evidence,
    remote_address: story.remoteAddress ?? null,
    version: named(story.version, protocolVersions),
    cipher_suite: named(story.cipherSuite, cipherSuites) ?? null,
    group: named(story.group, namedGroups),
    alpn: story.alpn ?? null,
    certificate_request:
      request === undefined
        ? null
        : {
            signature_algorithms: request.signatureAlgorithms.map((scheme) => signatureSchemes.name(scheme)),
            ca_names: request.authorities.map(nameText),
          },
    client_certificates: (story.sentChain ?? []).map((der) => certificateOf(new X509Certificate(der))),
    as_differences:
      story.candidate === undefined ? [] : presentAs(view.stack, story.candidate, view.anchors).differences,
    withheld: story.withheld ?? null,
    server_certificates: story.serverChain.map(certificateOf),
    server_key_proven: story.serverProof?.isValid ?? null,
    alert: alertOf(story),
    http: http === undefined ? null : { path: http.path, status: http.status, body: printableBody(http.body) },
    timing_ms: {
      connect: rounded(timing.connectMs),
      server_hello: rounded(timing.serverHelloMs),
      finished: rounded(timing.finishedMs),
      first_byte: rounded(timing.firstByteMs),
    },
    messages: story.messages.map(({ from, name, bytes, atMs }) => ({ from, name, bytes, at_ms: rounded(atMs) ?? 0 })),
    findings: findingsOf(story, view),
    problem:
      problem === undefined ? null : { code: problem.code, message: problem.message, hint: problem.hint ?? null },
  };
}

function findingsOf(story: ConnectionStory, view: View): ProbeFinding[] {
  const byHttp = httpRefusal(story);
  if (byHttp !== undefined) return [byHttp];
  if (story.outcome === "refused") return [judgeRefusal(story, view)].map((each) => toned(each, story, view));
  if (story.withheld === undefined) return [];
  return [{ id: "client-cert-not-sent", severity: "error", message: story.withheld, hint: null }];
}

/** Beside candidates, the connection without a certificate is there for comparison: its refusal is no fault. */
function toned(finding: ProbeFinding, { candidate }: ConnectionStory, { hasCandidates }: View): ProbeFinding {
  return hasCandidates && candidate === undefined ? { ...finding, severity: "info", hint: null } : finding;
}

function alertOf({ alert }: ConnectionStory): ProbedConnection["alert"] {
  if (alert === undefined) return null;
  const { number, from, level, after } = alert;
  return {
    number,
    name: alertName(number),
    from,
    level: level === alertLevels.warning ? "warning" : "fatal",
    after,
    meaning: alertMeanings[number]?.meaning ?? "sent an alert that no registry names",
  };
}

function certificateOf(certificate: X509Certificate | Buffer): ProbedCertificate {
  if (!isCertificate(certificate)) return unreadableReport(certificate);
  return certificateReport(certificateFacts(certificate));
}

const rounded = (ms: number | undefined): number | null => (ms === undefined ? null : Math.round(ms * 10) / 10);
const printableBody = (body: string): string =>
  body
    .slice(0, 200)
    .replaceAll(/[^\x20-\x7e]+/g, " ")
    .trim();
