import type { HttpRequester } from "../net/http-client.js";
import type { ApiVersion } from "./api-version.js";
import type { CallOptions, RegistrarAgent } from "./types.js";

/** Failures are PeerErrors and KeylimeErrors. */
export interface Registrar {
  /** Codes `agent-not-registered` and `agent-not-active` for the two kinds of 404. */
  fetchAgent(agentId: string, options: CallOptions): Promise<RegistrarAgent>;
  close(): void;
}

export class RegistrarClient implements Registrar {
  constructor(
    readonly http: HttpRequester,
    readonly options: { apiVersion: ApiVersion | "auto" },
  ) {}
  fetchAgent(_agentId: string, _options: CallOptions): Promise<RegistrarAgent> {
    return Promise.reject(new Error("not yet"));
  }
  close(): void {
    this.http.close();
  }
}
