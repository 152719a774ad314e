import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { faults } from "../faults/faults.js";
import { alternativeNamesText, certificateFacts } from "../x509/certificate.js";
import { judgeGo } from "../x509/trust/go.js";
import { judgeOpenssl } from "../x509/trust/openssl.js";
import type { TrustVerdict } from "../x509/trust/verdict.js";
import type { ConnectionStory } from "./connection-story.js";
import type { ProbeFinding, ProbeReport } from "./report-schema.js";
import { isCertificate } from "./server-chain.js";

export interface ServerView {
  caFile: string | undefined;
  anchors: readonly X509Certificate[];
  serverName: string;
  nowMs: number;
}

/** What clients that verify their server make of this one; the handshake went on whatever the verdict. */
export function judgeServer(story: ConnectionStory | undefined, view: ServerView): ProbeReport["server"] {
  const chain = (story?.serverChain ?? []).filter(isCertificate);
  const [leaf] = chain;
  if (story === undefined || leaf === undefined) return null;
  const { caFile, anchors, serverName, nowMs } = view;
  const question = { chain, anchors, purpose: "server", nowMs } as const;
  const judged =
    caFile === undefined
      ? []
      : ([
          ["openssl", judge(() => judgeOpenssl(question))],
          ["go", judge(() => judgeGo(question))],
        ] as const);
  const verdicts = judged.map(([library, verdict]) => ({ library, ok: verdict.ok, error: errorOf(verdict) }));
  const nameMatches = carriesName(leaf, serverName);
  const findings = [
    ...dateFindings(chain, nowMs),
    ...trustFindings(verdicts, caFile),
    ...(nameMatches ? [] : [nameFinding(leaf, serverName, caFile !== undefined)]),
    ...(story.serverProof?.isValid === false ? [unprovenFinding] : []),
  ];
  return { ca_file: caFile ?? null, verdicts, name_matches: nameMatches, findings };
}

type Judged = TrustVerdict | { ok: false; unreadable: string };

function judge(ask: () => TrustVerdict): Judged {
  try {
    return ask();
  } catch (error) {
    return { ok: false, unreadable: error instanceof Error ? error.message : String(error) };
  }
}

function errorOf(verdict: Judged): string | null {
  if (verdict.ok) return null;
  if ("unreadable" in verdict) return verdict.unreadable;
  const { certificate, depth, error } = verdict;
  const subject = certificate === undefined ? "" : `, ${certificateFacts(certificate).subject}`;
  return `${error.text} (${error.name}) at depth ${depth}${subject}`;
}

/** By the SANs; like Go and Node, and unlike old OpenSSL, the common name counts for nothing. */
export function carriesName(leaf: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return leaf.checkIP(name) !== undefined;
  return leaf.checkHost(name, { subject: "never" }) !== undefined;
}

function dateFindings(chain: readonly X509Certificate[], nowMs: number): ProbeFinding[] {
  return chain.map(certificateFacts).flatMap(({ subject, notBeforeMs, notAfterMs }): ProbeFinding[] => {
    const id = nowMs > notAfterMs ? "cert-expired" : nowMs < notBeforeMs ? "cert-not-yet-valid" : undefined;
    if (id === undefined) return [];
    const when = new Date(id === "cert-expired" ? notAfterMs : notBeforeMs).toISOString();
    const message = `the server's ${subject} ${id === "cert-expired" ? "expired at" : "is not valid before"} ${when}`;
    return [{ id, severity: "error", message, hint: faults[id].advice }];
  });
}

function trustFindings(
  verdicts: readonly { library: string; ok: boolean; error: string | null }[],
  caFile: string | undefined,
): ProbeFinding[] {
  const failed = verdicts.filter(({ ok }) => !ok);
  if (failed.length === 0) return [];
  const isSplit = failed.length < verdicts.length;
  const id = isSplit ? "ca-bundle-incomplete" : "ca-wrong";
  const errors = failed.map(({ library, error }) => `${library}: ${error}`).join("; ");
  const message = isSplit
    ? `clients built on ${failed[0]!.library} refuse this server with ${caFile}, the others take it (${errors})`
    : `clients that trust ${caFile} refuse this server (${errors})`;
  return [{ id, severity: "error", message, hint: faults[id].advice }];
}

function nameFinding(leaf: X509Certificate, name: string, isJudged: boolean): ProbeFinding {
  const names = alternativeNamesText(certificateFacts(leaf).sans);
  const message = `the server's certificate does not carry the name ${name}; its names: ${names}`;
  const hint = "connect by one of its names, or tell the client with its server-name setting (here: --servername)";
  return { id: "verifier-name-mismatch", severity: isJudged ? "error" : "warning", message, hint };
}

const unprovenFinding: ProbeFinding = {
  id: "key-mismatch",
  severity: "error",
  message: "the server's signature does not verify with its certificate",
  hint: "configure the server with the key of its certificate",
};
