import { z } from "zod";
import { type FaultId, faults, stages } from "../faults/faults.js";
import { families } from "./checks/check.js";
import { contradictionIds } from "./checks/verifier/contradictions.js";
import { legIds } from "./facts/files/file-facts.js";

const faultId = z.enum(Object.keys(faults) as [FaultId, ...FaultId[]]);
const severity = z.enum(["error", "warning", "info"]);
const line = z.number().int().positive().nullable();

const certificate = z.strictObject({
  subject: z.string(),
  issuer: z.string(),
  serial: z.string(),
  sha256: z.string(),
  file: z.string(),
});

const probe = z.strictObject({
  endpoint: z.string().describe("host:port"),
  presented: z.string().describe("a file, or `no certificate`"),
  result: z.string(),
});

const evidence = z.strictObject({
  text: z.string(),
  file: z.string().nullable().describe("as the examined machine names it"),
  line,
  column: line,
  certificate: certificate.nullable(),
  probe: probe.nullable(),
});

const fix = z.strictObject({
  action: z.string(),
  commands: z.array(z.string()),
  can_be_applied: z.boolean().describe("whether --fix can change the files by itself"),
});

const finding = z.strictObject({
  id: faultId,
  title: z.string(),
  severity,
  stops_attestation: z.boolean(),
  stage: z.enum(stages).describe("the stage of an attestation that is blocked"),
  leg: z.string().nullable().describe("the TLS leg concerned, `plugin->verifier`"),
  other_legs: z.array(z.string()).describe("further legs with the same cause, which the same fix mends"),
  summary: z.string(),
  evidence: z.array(evidence),
  fix,
  explained_by: faultId.nullable().describe("the cause of which this is a consequence"),
});

const check = z.strictObject({
  id: faultId,
  family: z.enum(families),
  title: z.string().describe("true when nothing is found"),
  outcome: z.enum(["found", "clear", "unknown", "skipped"]),
  detail: z.string().nullable().describe("why it is clear, unknown or skipped"),
});

const judgement = z.strictObject({
  id: z.string(),
  text: z.string().describe("the statement or question, as it stands before the verdict"),
  verdict: z.enum(["confirmed", "refuted", "unknown"]),
  evidence: z.array(evidence).describe("what decides, or what is missing to decide"),
});

const contradiction = z.strictObject({
  id: z.enum(contradictionIds),
  summary: z.string().describe("what the files make impossible, and what was seen"),
  says: evidence.describe("the file's side"),
  seen: evidence.describe("what was seen live"),
  proves: z
    .enum(["verifier-config-drift", "verifier-overridden", "unknown"])
    .describe("the fault that explains it; unknown: neither is proven"),
  because: z.array(evidence).describe("what decides that, or what is missing"),
  stops_attestation: z.boolean(),
});

const legEnd = z.strictObject({
  name: z.string(),
  library: z.string().describe("the TLS library as this program uses it"),
  presents: z.array(certificate).describe("what goes over the wire, leaf first; empty when it is not known"),
  trusts: z
    .array(z.strictObject({ file: z.string(), subjects: z.array(z.string()) }))
    .nullable()
    .describe("its trust files; null when no configuration names them"),
  verdict: z
    .strictObject({
      outcome: z.enum(["accepts", "refuses", "does-not-look", "unknown"]),
      reason: z.string().nullable().describe("in the library's own words, or why it is unknown"),
      error: z.string().nullable().describe("the library's name for it"),
      depth: z.number().int().nullable().describe("position in the chain, 0 is the leaf"),
      certificate: z.string().nullable().describe("subject of the certificate at that position"),
      alert: z
        .strictObject({ number: z.number().int(), name: z.string() })
        .nullable()
        .describe("what the other end is sent"),
    })
    .describe("what this end makes of what the other presents"),
});

/** The document that `doctor --json` prints; docs/schemas/doctor.schema.json is made from it. */
export const doctorReport = z
  .strictObject({
    schema: z.literal("spire-keylime/doctor/v1"),
    version: z.string(),
    examined_at: z.string().describe("ISO 8601"),
    took_ms: z.number().nonnegative(),
    root: z.string().nullable().describe("the copied machine that was examined; null: this one"),
    offline: z.boolean(),
    verdict: z.strictObject({
      outcome: z
        .enum(["cause-found", "refused", "not-examined", "nothing-found"])
        .describe("refused: a service refuses its client and no check knows why"),
      cause: faultId.nullable().describe("the first cause"),
      text: z.string(),
      next_step: z.string().nullable(),
    }),
    causes: z.array(finding).describe("what stops attestation, the one to mend first at the front"),
    findings: z.array(finding).describe("everything found, the causes among it"),
    hypotheses: z
      .array(judgement)
      .describe("what may stand behind a refused handshake of the plugin with the verifier"),
    questions: z.array(judgement).describe("what has to be known to understand it"),
    contradictions: z.array(contradiction).describe("where the verifier's files and what it does exclude one another"),
    legs: z
      .array(z.strictObject({ id: z.enum(legIds), client: legEnd, server: legEnd }))
      .describe("who accepts what on each TLS leg, judged from files and from chains seen live"),
    checks: z.array(check),
    sources: z
      .array(z.strictObject({ what: z.string(), source: z.string(), problem: z.string().nullable() }))
      .describe("where the facts come from; a problem says why there are none"),
    exit_code: z.number().int(),
  })
  .describe("One examination of a SPIRE and Keylime set-up.");

export type DoctorReport = z.infer<typeof doctorReport>;
export type ReportedFinding = DoctorReport["findings"][number];
export type ReportedEvidence = ReportedFinding["evidence"][number];
export type ReportedJudgement = DoctorReport["hypotheses"][number];
export type ReportedContradiction = DoctorReport["contradictions"][number];
