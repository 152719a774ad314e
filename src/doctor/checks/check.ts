import { type FaultId, faults, type Stage } from "../../faults/faults.js";
import type { Facts } from "../facts/facts.js";

/** The categories of the report, in its order. */
export const families = ["spire", "files", "certificates", "verifier", "live", "node"] as const;
export type Family = (typeof families)[number];

/** Looks for one fault. */
export interface Check {
  id: FaultId;
  family: Family;
  /** A sentence that is true when nothing is found: `every key in plugin_data is known to the plugin`. */
  title: string;
  /** Pure: no disk, network or clock, no other check, no rank. */
  judge(facts: Facts, context: JudgeContext): Outcome;
}

/** A list of checks; each stands under the id of its own fault. */
export type Checks = Partial<Record<FaultId, Check>>;

export interface JudgeContext {
  nowMs: number;
}

export function defineCheck(check: Check): Check {
  return check;
}

export type Outcome =
  | { is: "found"; findings: readonly [Finding, ...Finding[]] }
  | { is: "clear"; because: string }
  /** It could not be told; the reason names what was missing. */
  | { is: "unknown"; reason: string }
  /** It does not apply to this set-up. */
  | { is: "skipped"; reason: string };

export type Severity = "error" | "warning" | "info";

export interface Finding {
  severity: Severity;
  /** It alone is enough to keep a node from attesting: what makes a finding a cause. */
  stopsAttestation: boolean;
  /** The stage it blocks, when that is not the fault's usual one. */
  stage?: Stage;
  /** What proves it was seen on this machine and may be otherwise on the copied one: it stands behind what is certain. */
  isDoubtful?: boolean;
  /** One line: what is wrong, on which thing; lower case at the start, no period. */
  summary: string;
  evidence: readonly Evidence[];
  fix: Fix;
  /** The TLS leg it concerns, `plugin->verifier`. */
  leg?: string;
  /** Further legs with the same cause, which the same fix mends. */
  otherLegs?: readonly string[];
}

/** One fact that proves a finding: text for people, the rest for programs. */
export interface Evidence {
  text: string;
  /** As the examined machine names it. */
  file?: string;
  line?: number;
  column?: number;
  certificate?: EvidentCertificate;
  probe?: EvidentProbe;
}

export interface EvidentCertificate {
  subject: string;
  issuer: string;
  serial: string;
  sha256: string;
  file: string;
}

export interface EvidentProbe {
  /** `host:port`. */
  endpoint: string;
  /** What was presented: a file, or `no certificate`. */
  presented: string;
  /** What came of it: `alert 48 unknown_ca`, `HTTP 403`. */
  result: string;
}

export interface Fix {
  /** One imperative sentence. */
  action: string;
  /** Commands to copy, each complete. */
  commands?: readonly string[];
  edits?: readonly Edit[];
}

/** A change that `--fix` can make. */
export type Edit =
  | { kind: "hcl"; file: string; line: number; rename: string; to: string }
  | { kind: "hcl"; file: string; line: number; key: string; set: string }
  | { kind: "hcl"; file: string; line: number; remove: string }
  | { kind: "ini" | "toml"; file: string; section: string; option: string; set: string | undefined }
  | { kind: "ini"; file: string; renameSection: string; to: string }
  | { kind: "mode"; file: string; mode: number }
  /** Numbers, as text. */
  | { kind: "owner"; file: string; owner?: string; group?: string };

/** An outcome of one finding or several; clear when there is none. */
export function foundOrClear(findings: readonly Finding[], because: string): Outcome {
  const [first, ...more] = findings;
  return first === undefined ? { is: "clear", because } : { is: "found", findings: [first, ...more] };
}

/** The stage a finding blocks. */
export function stageOf(id: FaultId, { stage }: Finding): Stage {
  return stage ?? faults[id].stage;
}

/** The outcome of a check whose live facts are missing: with --offline that was asked for. */
export function notLearnt({ scope }: Pick<Facts, "scope">, reason: string): Outcome {
  return { is: scope.isOffline ? "skipped" : "unknown", reason };
}

/** The TLS legs a finding concerns; empty when it is about none in particular. */
export function legsConcerned({ leg, otherLegs = [] }: Finding): string[] {
  return leg === undefined ? [] : [leg, ...otherLegs];
}
