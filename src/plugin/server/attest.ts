import type { Clock } from "../../core/clock.js";
import { verifyQuote } from "../../keylime/quote.js";
import type { CallOptions, QuoteVerdict as VerifierVerdict } from "../../keylime/types.js";
import { type Selectors, selectorsOf } from "../../spire/selectors.js";
import type { HashAlg } from "../../spire/settings.js";
import { agentId as agentSpiffeId } from "../../spire/spiffe-id.js";
import { encodeChallenge, newNonce, type Payload, readChallengeResponse, readPayload } from "../exchange.js";
import { Refusal } from "../shared/refusal.js";
import { judgeStanding, type Standing } from "./gates.js";
import { nodeFacts } from "./node-facts.js";
import type { ServerRuntime } from "./runtime.js";

/** The other half of an attestation, behind SPIRE. */
export interface NodeExchange {
  /** The first message. */
  receivePayload(): Promise<Uint8Array>;
  /** Sends a challenge; resolves as soon as it is on its way, with what waits for the answer to it. */
  challenge(bytes: Uint8Array): Promise<() => Promise<Uint8Array>>;
  /** Aborted when SPIRE has given up on the attestation. */
  signal: AbortSignal;
}

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
  early.catch(() => {});
  // SPIRE would not hear a refusal now (server-half.ts): it waits for the response.
  const response = await receiveResponse();
  const standing = await (clock.nowMs() - askedAtMs > standingGoodForMs ? askStanding() : early);
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
  if (!own.accepted) throw quoteRefused(payload, `${own.message} (${own.reason})`);
  const second = await runtime.verifier.verifyIdentity({ agentId: payload.agentId, quote, nonce, hashAlg }, call);
  if (!second.valid) throw quoteRefused(payload, verifierWords(second));

  const facts = nodeFacts(standing, { hashAlg: own.hashAlg, signAlg: own.signAlg });
  return { spiffeId, selectors: selectorsOf(facts, settings.selectors) };
}

/** Asks both services at once. When both refuse, the verifier's word is told: it is the leg operators look at first. */
async function fetchStanding(runtime: ServerRuntime, agentId: string, call: CallOptions): Promise<Standing> {
  const registrar = runtime.registrar.fetchAgent(agentId, call);
  registrar.catch(() => {});
  return { verifier: await runtime.verifier.fetchAgent(agentId, call), registrar: await registrar };
}

function allowedHashAlg({ agentId, hashAlg }: Payload, allowed: readonly HashAlg[]): HashAlg {
  const found = allowed.find((name) => name === hashAlg);
  if (found !== undefined) return found;
  throw new Refusal(
    "permission-denied",
    "hash-alg-not-allowed",
    `agent ${agentId} quotes with a hash algorithm that allowed_hash_algs does not list: expected ${allowed.join(", ")}, found ${printable(hashAlg)}`,
  );
}

const quoteRefused = ({ agentId }: Payload, why: string): Refusal =>
  new Refusal("permission-denied", "quote-refused", `the TPM quote of agent ${agentId} was refused: ${why}`);

const verifierWords = ({ reasons }: VerifierVerdict): string =>
  reasons.length === 0 ? "the Keylime verifier gave no reason" : `the Keylime verifier said ${reasons.join("; ")}`;

/** What a node sent goes into a log only in a form that cannot forge a line of it. */
const printable = (text: string): string => JSON.stringify(text.slice(0, 40));
