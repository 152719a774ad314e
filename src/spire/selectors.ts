import { type SelectorName, selectorNames } from "./settings.js";

/** What Keylime knows about a node; what is undefined or null is unknown and gives no selector. */
export interface NodeFacts {
  uuid: string;
  verifierId?: string | null;
  hashAlg?: string | null;
  encAlg?: string | null;
  signAlg?: string | null;
  /** Whether the node was enrolled with one. */
  runtimePolicy?: boolean | null;
  mbPolicy?: boolean | null;
  attestationMode?: "pull" | "push" | null;
  agentMtls?: boolean | null;
  /** Of the DER encoding, in hex. */
  ekCertSha256?: string | null;
  /** The metadata given at enrolment. */
  meta?: Readonly<Record<string, unknown>> | null;
}

export interface Selectors {
  /** Values without the type `keylime:`, in a fixed order, none twice. */
  values: string[];
  /** Selectors that could not be emitted, and why: for the log. */
  leftOut: { name: string; reason: string }[];
}

/** The data store's column; a longer value would be refused or, worse, cut. */
const maxLength = 255;
const maxMeta = 100;

/**
 * The selectors of a node, of those that are wanted. A value that is empty, not printable or too long is left out and
 * never shortened: two nodes must not come to share a selector by that.
 */
export function selectorsOf(facts: NodeFacts, wanted: readonly SelectorName[] = selectorNames): Selectors {
  const values = new Set<string>();
  const leftOut: Selectors["leftOut"] = [];
  const candidates = selectorNames.filter((name) => wanted.includes(name)).flatMap((name) => candidatesOf(name, facts));
  for (const { name, value, flaw } of candidates) {
    const selector = `${name}:${value}`;
    const reason = flaw ?? valueFlaw(value) ?? lengthFlaw(selector);
    if (reason === undefined) values.add(selector);
    else leftOut.push({ name: name.slice(0, maxLength), reason });
  }
  return { values: [...values], leftOut };
}

interface Candidate {
  name: string;
  value: string;
  flaw?: string;
}

function candidatesOf(name: SelectorName, facts: NodeFacts): Candidate[] {
  if (name === "meta") return metaCandidates(facts.meta ?? {});
  const value = plainValue(name, facts);
  return value === undefined || value === null ? [] : [{ name, value }];
}

function plainValue(name: Exclude<SelectorName, "meta">, facts: NodeFacts): string | null | undefined {
  switch (name) {
    case "uuid":
      return facts.uuid;
    case "verifier_id":
      return facts.verifierId;
    case "hash_alg":
      return facts.hashAlg;
    case "enc_alg":
      return facts.encAlg;
    case "sign_alg":
      return facts.signAlg;
    case "runtime_policy":
      return presence(facts.runtimePolicy);
    case "mb_policy":
      return presence(facts.mbPolicy);
    case "attestation_mode":
      return facts.attestationMode;
    case "agent_mtls":
      return facts.agentMtls?.toString();
    case "ek_cert":
      return facts.ekCertSha256 == null ? undefined : `sha256:${facts.ekCertSha256.toLowerCase()}`;
  }
}

function presence(fact: boolean | null | undefined): string | undefined {
  if (fact == null) return undefined;
  return fact ? "present" : "absent";
}

function metaCandidates(meta: Readonly<Record<string, unknown>>): Candidate[] {
  const keys = Object.keys(meta).sort();
  const candidates = keys.slice(0, maxMeta).map((key) => metaCandidate(key, meta[key]));
  if (keys.length > maxMeta) {
    candidates.push({ name: "meta", value: "", flaw: `there are more than ${maxMeta} keys of metadata` });
  }
  return candidates;
}

function metaCandidate(key: string, value: unknown): Candidate {
  const name = `meta:${key}`;
  // With a colon in the key, {"a:b": "c"} and {"a": "b:c"} would read alike.
  const keyFlaw = key.includes(":") ? "its key holds a colon" : valueFlaw(key);
  if (keyFlaw !== undefined) return { name: name.replaceAll(/[^ -~]/g, "?"), value: "", flaw: keyFlaw };
  if (typeof value === "string") return { name, value };
  if (typeof value === "number" && Number.isFinite(value)) return { name, value: String(value) };
  return { name, value: "", flaw: "it is neither a string nor a number" };
}

function valueFlaw(value: string): string | undefined {
  if (value.trim() === "") return "it is empty";
  // The plain space is the only one that people can tell from nothing.
  return /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(value) ? "it has characters that do not print" : undefined;
}

function lengthFlaw(selector: string): string | undefined {
  return selector.length > maxLength ? `it is longer than ${maxLength} characters` : undefined;
}
