import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/logger.js";
import { Problem } from "../../core/problem.js";
import type { KeylimeAgent } from "../../keylime/agent-client.js";
import type { KeylimeAgentInfo } from "../../keylime/types.js";
import { PeerError } from "../../net/peer-errors.js";
import { encodeChallengeResponse, encodePayload, readChallenge } from "../../spire/exchange.js";
import type { AgentRuntime } from "./runtime.js";

/** The other half of an attestation, behind SPIRE. */
export interface ServerExchange {
  /** Sends the payload and waits for the challenge. */
  sendPayload(bytes: Uint8Array): Promise<Uint8Array>;
  sendChallengeResponse(bytes: Uint8Array): Promise<void>;
  /** Aborted when SPIRE has given up on the attestation. */
  signal: AbortSignal;
}

/** How long the Keylime agent may take to start answering, and one quote to be made. */
const startTimeoutMs = 30_000;
const quoteTimeoutMs = 30_000;
const infoTimeoutMs = 10_000;

/** One attestation, in the order of the protocol. */
export async function attestSelf(
  exchange: ServerExchange,
  runtime: AgentRuntime,
  { clock, logger }: { clock: Clock; logger: Logger },
): Promise<void> {
  const { agent, info } = await reachAgent(runtime, exchange.signal, clock, logger);
  const challenge = await exchange.sendPayload(encodePayload({ agentId: info.agentId, hashAlg: info.hashAlg }));
  const nonce = usableNonce(readChallenge(challenge));
  const { quote } = await agent.fetchIdentityQuote(nonce, { timeoutMs: quoteTimeoutMs, signal: exchange.signal });
  await exchange.sendChallengeResponse(encodeChallengeResponse(quote));
}

/** The Keylime agent is often started together with SPIRE's: waits for it with growing pauses. */
async function reachAgent(
  runtime: AgentRuntime,
  signal: AbortSignal,
  clock: Clock,
  logger: Logger,
): Promise<{ agent: KeylimeAgent; info: KeylimeAgentInfo }> {
  const giveUpAtMs = clock.nowMs() + startTimeoutMs;
  for (let pauseMs = 250; ; pauseMs = Math.min(pauseMs * 2, 5000)) {
    try {
      return await askEachWay(runtime, signal);
    } catch (error) {
      if (!mayStillStart(error) || clock.nowMs() + pauseMs > giveUpAtMs) throw error;
      logger.log("info", "Waiting for the Keylime agent", { reason: (error as Problem).message });
      await delay(pauseMs, undefined, { signal });
    }
  }
}

async function askEachWay({ ways, settings }: AgentRuntime, signal: AbortSignal) {
  const failures: unknown[] = [];
  for (const [index, { agent }] of ways.entries()) {
    const attempts = index === ways.length - 1 ? {} : { attempts: 1 };
    try {
      return { agent, info: await agent.fetchInfo({ timeoutMs: infoTimeoutMs, signal, ...attempts }) };
    } catch (error) {
      failures.push(error);
      if (!speaksNoTls(error)) break;
    }
  }
  // An agent that takes neither way is best told by the one that was meant first.
  const told = failures.length > 1 && speaksNoHttp(failures.at(-1)) ? failures[0] : failures.at(-1);
  throw lacksTrust(told, settings) ? withTrustHint(told) : told;
}

/** Plain HTTP was spoken only because nothing says whom to trust over TLS: keylime_agent_use_tls is not what is wrong. */
function lacksTrust(error: unknown, { useTls, tls }: AgentRuntime["settings"]): error is PeerError {
  const isMismatch = error instanceof PeerError && error.code === "agent-mtls-mismatch";
  return isMismatch && useTls === "auto" && tls.caFile === undefined;
}

function withTrustHint(error: PeerError): PeerError {
  const hint =
    "set keylime_agent_ca_cert_file to the CA of its certificate, and keylime_agent_client_cert_file and keylime_agent_client_key_file to what it trusts";
  return new PeerError(error.code, error.message, { culprit: error.culprit, cause: error, hint }, error.facts);
}

const mayStillStart = (error: unknown): boolean => error instanceof PeerError && error.kind === "refused";

/** Some servers of plain HTTP answer a ClientHello with an error in HTTP, others just end the connection. */
function speaksNoTls(error: unknown): boolean {
  if (!(error instanceof PeerError)) return false;
  const { kind, stage, serverChain } = error.facts;
  const hasEnded = kind === "closed" || kind === "reset";
  return kind === "not-tls" || (hasEnded && stage === "tls" && serverChain === undefined);
}

const speaksNoHttp = (error: unknown): boolean =>
  error instanceof PeerError && ["not-http", "closed", "reset"].includes(error.kind);

/** What the Keylime agent takes (rust-keylime 0.2.9): alphanumeric, at most 64 characters. The server half may be another. */
function usableNonce(nonce: string): string {
  if (/^[A-Za-z0-9]{1,64}$/.test(nonce)) return nonce;
  throw new Problem(
    "malformed-message",
    "cannot use the challenge: expected a nonce of 1 to 64 letters and digits, found another",
    { culprit: "peer" },
  );
}
