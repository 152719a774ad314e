import { type Clock, systemClock } from "../../src/core/clock.js";
import type { LogFields, LogLevel } from "../../src/core/logger.js";
import { ServerHalf } from "../../src/plugin/server/server-half.js";
import {
  type AgentAttributes,
  type AttestRequest,
  type AttestResponse,
  StatusCode,
  StatusError,
} from "../../src/plugin-sdk/index.js";
import { encodeChallengeResponse, encodePayload, readChallenge } from "../../src/spire/exchange.js";
import type { KeylimeWorld } from "./keylime-world.js";
import { startSpireCall } from "./spire-call.js";

/** What a node does in an attestation; a right one when nothing is given. */
export interface NodeBehaviour {
  payload?: Buffer;
  /** What the agent half would have asked its Keylime agent for. */
  hashAlg?: string;
  /** The quote for a nonce. */
  quote?: (nonce: string) => string | Promise<string>;
  /** Instead of a quote in its envelope. */
  response?: Buffer;
}

/** A server half in this process, configured, with everything it told. */
export interface DrivenServerHalf {
  readonly half: ServerHalf;
  readonly logs: { level: LogLevel; message: string; fields: LogFields }[];
  readonly metrics: { key: readonly string[]; labels: Record<string, string> | undefined }[];
  configure(hcl: string, trustDomain?: string): Promise<void>;
  attest(node?: NodeBehaviour): Promise<AgentAttributes>;
  [Symbol.dispose](): void;
}

export async function driveServerHalf(
  world: KeylimeWorld,
  hcl: string | undefined,
  clock: Clock = systemClock,
): Promise<DrivenServerHalf> {
  const logs: DrivenServerHalf["logs"] = [];
  const metrics: DrivenServerHalf["metrics"] = [];
  const ignore = () => {};
  const half = new ServerHalf({
    clock,
    logger: { log: (level, message, fields = {}) => logs.push({ level, message, fields }) },
    metrics: {
      measureSince: (key, _startMs, labels) => metrics.push({ key, labels }),
      setGauge: ignore,
      emitKey: ignore,
      incrCounter: ignore,
      addSample: ignore,
    },
  });
  const configure = (text: string, trustDomain = "example.org") => half.configure({ hcl: text, trustDomain });
  if (hcl !== undefined) await configure(hcl);
  return {
    half,
    logs,
    metrics,
    configure,
    attest: (node = {}) => attest(half, world, node),
    [Symbol.dispose]: () => half.close(),
  };
}

async function attest(half: ServerHalf, world: KeylimeWorld, node: NodeBehaviour): Promise<AgentAttributes> {
  const { hashAlg = "sha256", quote = (nonce) => world.tpm.quote({ nonce, pcrMask: 0 }) } = node;
  const call = startSpireCall<AttestRequest, AttestResponse>((each) => half.nodeAttestor.attest!(each));
  call.send({ payload: node.payload ?? encodePayload({ agentId: world.agentId, hashAlg }) });
  const challenge = await call.receive();
  if (challenge?.challenge === undefined) throw new Error("no challenge came");
  const response = node.response ?? encodeChallengeResponse(await quote(readChallenge(challenge.challenge)));
  call.send({ challengeResponse: response });
  const result = await call.receive();
  if (result?.agentAttributes === undefined) throw new Error("no attributes came");
  return result.agentAttributes;
}

/** `CODE message` of a refusal, with the world's own names and ports in place of the ones that change. */
export async function refusalOf(attestation: Promise<unknown>, world: KeylimeWorld): Promise<string> {
  const outcome = await attestation.then(
    (value) => value,
    (error) => error,
  );
  if (!(outcome instanceof StatusError)) throw new Error(`expected a refusal, found ${String(outcome)}`);
  return `${StatusCode[outcome.code]} ${plainText(outcome.message, world)}`;
}

export function plainText(text: string, { agentId, directory, verifier, registrar, agent }: KeylimeWorld): string {
  return text
    .replaceAll(agentId, "UUID")
    .replaceAll(directory.path, "DIR")
    .replaceAll(`:${verifier.address.port}`, ":VERIFIER")
    .replaceAll(`:${registrar.httpsAddress.port}`, ":REGISTRAR")
    .replaceAll(`:${agent.address.port}`, ":AGENT")
    .replaceAll(/(127\.0\.0\.1):\d+/g, "$1:PORT");
}
