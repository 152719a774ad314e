import type { ClockInfo } from "../../formats/tpm/attest.js";
import type { AgentEntry } from "./agent-entry.js";
import { boundValue, type CheckedQuote, checkQuote, isRecognisedHash } from "./check-quote.js";
import { type FailureEvent, failureEvent } from "./failure.js";
import { parseTpmPolicy, type TpmPolicy } from "./tpm-policy.js";

/** What a Keylime agent answers to GET /quotes/integrity, in `results`. */
export interface IntegrityAnswer {
  quote?: unknown;
  hash_alg?: unknown;
  enc_alg?: unknown;
  sign_alg?: unknown;
  pubkey?: unknown;
  ima_measurement_list?: unknown;
}

export interface IntegrityContext {
  nonce: string;
  /** Clock values the next quote must be later than; undefined before the first. */
  lastClock: ClockInfo | undefined;
  /** Text of the measured boot policy; null for none. */
  mbPolicy: string | null;
}

export interface IntegrityVerdict {
  /** Empty when the machine passed. */
  failures: FailureEvent[];
  /** Whether the quote itself was looked at; answers refused before that leave no trace of their time. */
  received: boolean;
  /** What the answer said of its algorithms, as far as it was accepted. */
  algorithms: Partial<Pick<AgentEntry, "hashAlg" | "encAlg" | "signAlg">>;
  /** The payload key the verdict is about. */
  publicKey: string;
  /** Whether the agent sent that key with this quote. */
  publicKeySent: boolean;
  /** To compare the next quote with; unchanged when the rules say that nothing is stored. */
  clock: ClockInfo | undefined;
}

const dataPcr = 16;
const imaPcr = 10;

/** The checks of `process_quote_response` (`keylime/cloud_verifier_common.py`, 7.14.3) in their order. */
export function judgeIntegrityAnswer(
  agent: AgentEntry,
  answer: IntegrityAnswer,
  context: IntegrityContext,
): IntegrityVerdict {
  const publicKeySent = typeof answer.pubkey === "string";
  const verdict: IntegrityVerdict = {
    failures: [],
    received: false,
    algorithms: {},
    publicKey: publicKeySent ? (answer.pubkey as string) : agent.publicKey,
    publicKeySent,
    clock: context.lastClock,
  };
  const early = earlyFailure(agent, answer, verdict);
  if (early !== undefined) return { ...verdict, failures: [early] };
  verdict.received = true;
  const { nonce } = context;
  const check = checkQuote({
    quote: answer.quote as string,
    nonce,
    akTpm: agent.akTpm,
    hashAlg: answer.hash_alg as string,
  });
  if (!check.ok) return { ...verdict, failures: [check.failure] };
  const clock = judgeClock(context.lastClock, check.quote.attest.clock);
  if (!clock.ok) return { ...verdict, failures: [clock.failure] };
  const failures = judgePcrs(parseTpmPolicy(agent.tpmPolicy), check.quote, {
    publicKey: verdict.publicKey,
    imaList: answer.ima_measurement_list,
    mbPolicy: context.mbPolicy,
  });
  return { ...verdict, clock: clock.next, failures };
}

/** What refuses the answer before its quote is read; fills in the algorithms up to there. */
function earlyFailure(agent: AgentEntry, answer: IntegrityAnswer, verdict: IntegrityVerdict): FailureEvent | undefined {
  if (typeof answer.quote !== "string") {
    const message = "parsing agent get quote respone failed";
    return failureEvent("qoute_validation.invalid_data", { message, data: "'quote'" });
  }
  if (!verdict.publicKeySent && agent.publicKey === "") {
    const message = "agent did not provide public key and no key or encrypted_v was cached at CV";
    return failureEvent("qoute_validation.no_pubkey", { message, data: null });
  }
  const { hash_alg: hashAlg, enc_alg: encAlg, sign_alg: signAlg } = answer;
  if (!isAccepted(hashAlg, agent.acceptedHashAlgs) || !isRecognisedHash(hashAlg)) return unaccepted("hash", hashAlg);
  verdict.algorithms.hashAlg = hashAlg;
  if (!isAccepted(encAlg, agent.acceptedEncryptionAlgs)) return unaccepted("encryption", encAlg);
  verdict.algorithms.encAlg = encAlg;
  if (!isAccepted(signAlg, agent.acceptedSigningAlgs)) return unaccepted("signing", signAlg);
  verdict.algorithms.signAlg = signAlg;
  return undefined;
}

const eventOfKind = { hash: "invalid_hash_alg", encryption: "invalid_enc_alg", signing: "invalid_sign_alg" };

function unaccepted(kind: keyof typeof eventOfKind, name: unknown): FailureEvent {
  const shown = name === undefined ? "None" : String(name);
  const message = `TPM Quote is using an unaccepted ${kind} algorithm: ${shown}`;
  return failureEvent(`qoute_validation.${eventOfKind[kind]}`, { message, data: name ?? null });
}

/** `rsa` and `rsa2048` are one, as are `ecc` and `ecc256`. */
function isAccepted(name: unknown, accepted: readonly string[]): name is string {
  if (typeof name !== "string" || name === "") return false;
  const normal = (alg: string) => ({ rsa: "rsa2048", ecc: "ecc256" })[alg] ?? alg;
  return accepted.some((one) => normal(one) === normal(name));
}

type ClockVerdict = { ok: true; next: ClockInfo | undefined } | { ok: false; failure: FailureEvent };

/** `check_quote_timing` of `keylime/tpm/tpm_main.py`: nothing is compared or stored when both counts have changed. */
export function judgeClock(last: ClockInfo | undefined, now: ClockInfo): ClockVerdict {
  const before = last ?? { clockMs: 0n, resetCount: 0, restartCount: 0, safe: true };
  const resets = now.resetCount - before.resetCount;
  const restarts = now.restartCount - before.restartCount;
  if (resets < 0) return clockFault("resetCount value decreased on TPM between two consecutive quotes");
  if (restarts < 0) return clockFault("restartCount value decreased on TPM between two consecutive quotes");
  if (!now.safe) return clockFault("clock safe flag is disabled");
  if (resets > 0 && restarts > 0) return { ok: true, next: last };
  if (now.clockMs > before.clockMs) return { ok: true, next: now };
  return clockFault("clock timestamp did issued by TPM did not increase between two consecutive quotes");
}

function clockFault(data: string): ClockVerdict {
  const message = "Validation of clockinfo from quote using tpm2-tools";
  return { ok: false, failure: failureEvent("qoute_validation.quote_validation", { message, data }) };
}

interface PcrContext {
  publicKey: string;
  imaList: unknown;
  mbPolicy: string | null;
}

/** `check_pcrs` of `keylime/tpm/tpm_main.py`, less what needs a measurement list's entries or a boot log. */
function judgePcrs(policy: TpmPolicy, { pcrs, hashAlg }: CheckedQuote, context: PcrContext): FailureEvent[] {
  const failures: FailureEvent[] = [];
  const used = new Set<number>();
  const boundFailure = judgeDataPcr(pcrs.get(dataPcr), boundValue(hashAlg, context.publicKey));
  if (boundFailure !== undefined) failures.push(boundFailure);
  if (pcrs.has(dataPcr)) used.add(dataPcr);
  if (pcrs.has(imaPcr)) {
    failures.push(...judgeIma(pcrs.get(imaPcr)!, context.imaList));
    used.add(imaPcr);
  }
  failures.push(...judgeMeasuredBoot(context.mbPolicy));
  for (const [pcr, value] of [...pcrs].sort(([a], [b]) => a - b)) {
    const allowed = policy.allowed.get(pcr);
    if (used.has(pcr) || allowed === undefined) continue;
    used.add(pcr);
    if (allowed.includes(value)) continue;
    const facts = { context: "PCR value is not in allowlist", got: value, expected: allowed };
    failures.push(failureEvent(`pcr_validation.invalid_pcr_${pcr}`, facts));
  }
  const missing = [...policy.allowed.keys()].filter((pcr) => !used.has(pcr));
  if (missing.length > 0) {
    const facts = { context: "PCRs are missing in quote", data: missing };
    failures.push(failureEvent("pcr_validation.missing_pcrs", facts));
  }
  return failures;
}

function judgeDataPcr(got: string | undefined, expected: string): FailureEvent | undefined {
  if (got === undefined) {
    const message = `Data PCR ${dataPcr} is missing in quote, but is required`;
    return failureEvent(`pcr_validation.missing_pcr_${dataPcr}`, message);
  }
  if (got === expected) return undefined;
  return failureEvent(`pcr_validation.invalid_pcr_${dataPcr}`, { got, expected });
}

/** Entries are not replayed here: a list that has some is refused rather than waved through. */
function judgeIma(value: string, list: unknown): FailureEvent[] {
  if (typeof list !== "string") {
    const message = "IMA PCR in policy, but no measurement list provided";
    return [failureEvent(`pcr_validation.unused_pcr_${imaPcr}`, message)];
  }
  if (list.trim() !== "") {
    return [failureEvent("ima.not_evaluated", "the embedded verifier does not evaluate IMA measurement lists")];
  }
  if (/^0+$/.test(value)) return [];
  return [failureEvent("ima.pcr_mismatch", `IMA measurement list does not match TPM PCR ${value}`)];
}

function judgeMeasuredBoot(policy: string | null): FailureEvent[] {
  if (policy === null || policy.trim() === "" || policy.trim() === "{}") return [];
  return [failureEvent("measured_boot.not_evaluated", "the embedded verifier does not evaluate boot logs")];
}
