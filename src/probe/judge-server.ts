import type { X509Certificate } from "node:crypto";
import { faults } from "../faults/faults.js";
import { alternativeNamesText, certificateFacts } from "../x509/certificate.js";
import { judgeGo } from "../x509/trust/go.js";
import { judgeOpenssl } from "../x509/trust/openssl.js";
import { type ChainVerdict, verdictOn } from "./chain-verdict.js";
import type { ConnectionStory } from "./connection-story.js";
import { judgeAs, type StackVerdict } from "./judge-as.js";
import type { ProbeFinding, ProbeReport } from "./report-schema.js";
import { isCertificate } from "./server-chain.js";
import { carriesName } from "./server-name.js";
import { type Stack, stackNames } from "./stack.js";

export interface ServerView {
  caFile: string | undefined;
  anchors: readonly X509Certificate[];
  serverName: string;
  /** The imitated one. */
  stack: Stack | undefined;
  nowMs: number;
}

/** What clients that verify their server make of this one; the handshake went on whatever the verdict. */
export function judgeServer(story: ConnectionStory | undefined, view: ServerView): ProbeReport["server"] {
  const chain = (story?.serverChain ?? []).filter(isCertificate);
  const [leaf] = chain;
  if (story === undefined || leaf === undefined) return null;
  const { caFile, anchors, serverName, stack, nowMs } = view;
  const question = { chain, anchors, purpose: "server", nowMs } as const;
  const judged =
    caFile === undefined
      ? []
      : ([
          ["openssl", verdictOn(() => judgeOpenssl(question))],
          ["go", verdictOn(() => judgeGo(question))],
        ] as const);
  const verdicts = judged.map(([library, verdict]) => ({ library, ...verdict }));
  const asked = stack === undefined || caFile === undefined ? undefined : { stack, caFile };
  const asVerdict = asked && judgeAs(asked.stack, { chain, anchors, serverName, nowMs });
  const nameMatches = carriesName(leaf, serverName);
  const isNameFatal = asVerdict === undefined ? caFile !== undefined : asVerdict.nameError !== undefined;
  const findings = [
    ...dateFindings(chain, nowMs),
    ...(asked === undefined || asVerdict === undefined
      ? trustFindings(verdicts, caFile)
      : stackFindings(asked, asVerdict.chain, verdicts)),
    ...(nameMatches ? [] : [nameFinding(leaf, serverName, isNameFatal)]),
    ...(story.serverProof?.isValid === false ? [unprovenFinding] : []),
  ];
  return {
    ca_file: caFile ?? null,
    verdicts,
    as_verdict: asVerdict === undefined ? null : wholeVerdict(asVerdict),
    name_matches: nameMatches,
    findings,
  };
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

/** What the imitated stack makes of the server is what counts, whatever others would. */
function stackFindings(
  { stack, caFile }: { stack: Stack; caFile: string },
  verdict: ChainVerdict,
  others: readonly ChainVerdict[],
): ProbeFinding[] {
  if (verdict.ok) return [];
  const id = others.some(({ ok }) => ok) ? (stack === "rust" ? "ca-bundle-order" : "ca-bundle-incomplete") : "ca-wrong";
  const message = `${stackNames[stack]} that trusts ${caFile} refuses this server: ${verdict.error}`;
  return [{ id, severity: "error", message, hint: faults[id].advice }];
}

function wholeVerdict({ chain, nameError }: StackVerdict): ChainVerdict {
  return chain.ok && nameError !== undefined ? { ok: false, error: nameError } : chain;
}

function nameFinding(leaf: X509Certificate, name: string, isFatal: boolean): ProbeFinding {
  const names = alternativeNamesText(certificateFacts(leaf).sans);
  const message = `the server's certificate does not carry the name ${name}; its names: ${names}`;
  const hint = "connect by one of its names, or tell the client with its server-name setting (here: --servername)";
  return { id: "verifier-name-mismatch", severity: isFatal ? "error" : "warning", message, hint };
}

const unprovenFinding: ProbeFinding = {
  id: "key-mismatch",
  severity: "error",
  message: "the server's signature does not verify with its certificate",
  hint: "configure the server with the key of its certificate",
};
