import type { Clock } from "../../core/clock.js";
import { verifyQuote } from "../../keylime/quote.js";
import type { CallOptions, QuoteVerdict as VerifierVerdict } from "../../keylime/types.js";
import { encodeChallenge, newNonce, type Payload, readChallengeResponse, readPayload } from "../../spire/exchange.js";
import { type Selectors, selectorsOf } from "../../spire/selectors.js";
import type { HashAlg } from "../../spire/settings.js";
import { agentId as agentSpiffeId } from "../../spire/spiffe-id.js";
import { Refusal } from "../shared/refusal.js";
import { judgeStanding, type Standing } from "./gates.js";
import { nodeFacts } from "./node-facts.js";
import { quoteHints } from "./quote-hints.js";
import type { ServerRuntime } from "./runtime.js";

/** The other half of an attestation, behind SPIRE. */
export interface NodeExchange {
  /** The first message. */
  receivePayload(): Promise<Uint8Array>;
  /** Sends a challenge; resolves as soon as it is on its way, with what waits for the answer to it. */
  challenge(bytes: Uint8Array): Promise<() => Promise<Uint8Array>>;
  /** Whose answer the attestation cannot go on without from now on: for the words of a time-out. */
  waitsFor(whom: Awaited): void;
  /** Aborted when SPIRE has given up on the attestation. */
  signal: AbortSignal;
}

export type Awaited = "node" | "verifier" | "registrar";

/** What SPIRE makes an agent of. */
export interface NodeAttributes {
  spiffeId: string;
  selectors: Selectors;
}

/** A quote that took longer than this to come leaves a standing that is asked for anew. */
const standingGoodForMs = 3000;

/**
 * One attestation, in the order of the protocol. The challenge goes out first and Keylime's services are asked while
 * the TPM signs, which takes longest; nothing is decided before all three answers are in.
 */
export async function attestNode(
  exchange: NodeExchange,
  runtime: ServerRuntime,
  clock: Clock,
): Promise<NodeAttributes> {
  const { settings } = runtime;
  const call = { timeoutMs: settings.requestTimeoutMs, signal: exchange.signal };
  const payload = readPayload(await exchange.receivePayload());
  const spiffeId = agentSpiffeId(runtime.trustDomain, settings.agentPathTemplate, payload.agentId);
  const hashAlg = allowedHashAlg(payload, settings.allowedHashAlgs);

  const nonce = newNonce();
  const receiveResponse = await exchange.challenge(encodeChallenge(nonce));
  const askedAtMs = clock.nowMs();
  const askStanding = () => fetchStanding(runtime, payload.agentId, call);
  const early = askStanding();
  // SPIRE would not hear a refusal now (server-half.ts): it waits for the response.
  const response = await receiveResponse();
  const asked = clock.nowMs() - askedAtMs > standingGoodForMs ? askStanding() : early;
  exchange.waitsFor("verifier");
  const verifier = await asked.verifier;
  exchange.waitsFor("registrar");
  const standing = { verifier, registrar: await asked.registrar };
  judgeStanding(standing, settings, clock.nowMs());

  const quote = readChallengeResponse(response);
  const own = verifyQuote({
    quote,
    nonce,
    akPublic: standing.registrar.akTpm,
    hashAlg,
    allowedHashAlgs: settings.allowedHashAlgs,
    allowedSignAlgs: settings.allowedSignAlgs,
  });
  if (!own.accepted) throw quoteRefused(payload, `${own.message} (${own.reason})`, quoteHints[own.reason]);
  exchange.waitsFor("verifier");
  const second = await runtime.verifier.verifyIdentity({ agentId: payload.agentId, quote, nonce, hashAlg }, call);
  if (!second.valid) throw quoteRefused(payload, verifierWords(second), "look at the verifier's log for this agent");

  const facts = nodeFacts(standing, { hashAlg: own.hashAlg, signAlg: own.signAlg });
  return { spiffeId, selectors: selectorsOf(facts, settings.selectors) };
}

/**
 * Asks both services at once. The verifier's answer is to be awaited first: when both refuse, its word is told, since it is
 * the leg operators look at first.
 */
function fetchStanding(runtime: ServerRuntime, agentId: string, call: CallOptions): AskedStanding {
  const registrar = runtime.registrar.fetchAgent(agentId, call);
  const verifier = runtime.verifier.fetchAgent(agentId, call);
  for (const each of [registrar, verifier]) each.catch(() => {});
  return { verifier, registrar };
}

type AskedStanding = { [Service in keyof Standing]: Promise<Standing[Service]> };

function allowedHashAlg({ agentId, hashAlg }: Payload, allowed: readonly HashAlg[]): HashAlg {
  const found = allowed.find((name) => name === hashAlg);
  if (found !== undefined) return found;
  throw new Refusal(
    "permission-denied",
    "hash-alg-not-allowed",
    `agent ${agentId} quotes with a hash algorithm that allowed_hash_algs does not list: expected ${allowed.join(", ")}, found ${printable(hashAlg)}`,
    "set tpm_hash_alg in the Keylime agent's configuration to one of these, or extend allowed_hash_algs",
  );
}

const quoteRefused = ({ agentId }: Payload, why: string, hint: string): Refusal =>
  new Refusal("permission-denied", "quote-refused", `the TPM quote of agent ${agentId} was refused: ${why}`, hint);

const verifierWords = ({ reasons }: VerifierVerdict): string =>
  reasons.length === 0 ? "the Keylime verifier gave no reason" : `the Keylime verifier said ${reasons.join("; ")}`;

/** What a node sent goes into a log only in a form that cannot forge a line of it. */
const printable = (text: string): string => JSON.stringify(text.slice(0, 40));
