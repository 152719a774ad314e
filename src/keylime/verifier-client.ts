import type { HttpRequester } from "../net/http-client.js";
import type { ApiVersion } from "./api-version.js";
import type { CallOptions, QuoteVerdict, VerifierAgent } from "./types.js";

/** An agent with the verifier's clock at the time of the answer. */
export interface VerifierAgentAnswer {
  agent: VerifierAgent;
  /** The verifier's Date header, whole seconds; undefined when it sent none. */
  verifierNowMs: number | undefined;
  /** `https://host:port` of the verifier that answered. */
  origin: string;
}

export interface IdentityQuestion {
  agentId: string;
  quote: string;
  nonce: string;
  hashAlg: string;
}

/** One verifier, or a pool of them that share a database. Failures are PeerErrors and KeylimeErrors. */
export interface Verifier {
  /** Code `agent-not-enrolled` when the verifier does not know the agent. */
  fetchAgent(agentId: string, options: CallOptions): Promise<VerifierAgentAnswer>;
  /** Code `agent-not-enrolled` when the verifier does not know the agent. */
  verifyIdentity(question: IdentityQuestion, options: CallOptions): Promise<QuoteVerdict>;
  close(): void;
}

export interface VerifierClientOptions {
  /** `auto` asks /version once and takes the newest common one. */
  apiVersion: ApiVersion | "auto";
}

export class VerifierClient implements Verifier {
  constructor(
    readonly http: HttpRequester,
    readonly options: VerifierClientOptions,
  ) {}
  fetchAgent(_agentId: string, _options: CallOptions): Promise<VerifierAgentAnswer> {
    return Promise.reject(new Error("not yet"));
  }
  verifyIdentity(_question: IdentityQuestion, _options: CallOptions): Promise<QuoteVerdict> {
    return Promise.reject(new Error("not yet"));
  }
  close(): void {
    this.http.close();
  }
}
