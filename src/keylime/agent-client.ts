import type { HttpRequester } from "../net/http-client.js";
import type { CallOptions, IdentityQuote, KeylimeAgentInfo } from "./types.js";

/** The Keylime agent on this machine. Failures are PeerErrors and KeylimeErrors. */
export interface KeylimeAgent {
  fetchInfo(options: CallOptions): Promise<KeylimeAgentInfo>;
  fetchIdentityQuote(nonce: string, options: CallOptions): Promise<IdentityQuote>;
  close(): void;
}

export class KeylimeAgentClient implements KeylimeAgent {
  constructor(readonly http: HttpRequester) {}
  fetchInfo(_options: CallOptions): Promise<KeylimeAgentInfo> {
    return Promise.reject(new Error("not yet"));
  }
  fetchIdentityQuote(_nonce: string, _options: CallOptions): Promise<IdentityQuote> {
    return Promise.reject(new Error("not yet"));
  }
  close(): void {
    this.http.close();
  }
}
