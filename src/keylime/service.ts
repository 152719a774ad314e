import type { FaultId } from "../faults/faults.js";
import type { HttpRequester } from "../net/http-message.js";
import { type ApiVersion, chooseApiVersion, parseOfferedVersions } from "./api-version.js";
import { answerError, callKeylime, type KeylimeAnswer, type KeylimeCall } from "./call.js";
import { retried } from "./retry.js";
import type { CallOptions } from "./types.js";

export interface ServiceOptions {
  /** For messages: `the Keylime verifier`. */
  name: string;
  apiVersion: ApiVersion | "auto";
  versionFault: FaultId;
  /** What a server that has no /version speaks; undefined: it is an error. */
  unversioned?: ApiVersion;
}

export type ServiceRequest = Omit<KeylimeCall, "timeoutMs" | "signal" | "method">;

/** GET requests to one Keylime service under the API version both sides speak, which is asked once. */
export class KeylimeService {
  private version: ApiVersion | undefined;

  constructor(
    readonly http: HttpRequester,
    private readonly options: ServiceOptions,
  ) {}

  /** `path` stands behind `/v2.x`. */
  async get(request: ServiceRequest, options: CallOptions): Promise<KeylimeAnswer> {
    const deadlineMs = performance.now() + options.timeoutMs;
    const left = (): CallOptions => ({ ...options, timeoutMs: Math.max(1, deadlineMs - performance.now()) });
    const known = this.version;
    const version = known ?? (await this.negotiate(left()));
    const answer = await this.getAt(version, request, left());
    if (!isVersionRefusal(answer) || this.options.apiVersion !== "auto") return answer;
    // The service was changed under us; with a version that is fresh the answer means something else.
    this.version = undefined;
    if (known === undefined) return answer;
    const newer = await this.negotiate(left());
    return newer === known ? answer : this.getAt(newer, request, left());
  }

  close(): void {
    this.http.close();
  }

  private getAt(version: ApiVersion, request: ServiceRequest, options: CallOptions): Promise<KeylimeAnswer> {
    return this.send({ ...request, path: `/v${version}${request.path}` }, options);
  }

  private send(request: ServiceRequest, options: CallOptions): Promise<KeylimeAnswer> {
    return retried(options, ({ timeoutMs, signal }) =>
      callKeylime(this.http, { ...request, method: "GET", timeoutMs, ...(signal === undefined ? {} : { signal }) }),
    );
  }

  private async negotiate(options: CallOptions): Promise<ApiVersion> {
    const { name, apiVersion, versionFault, unversioned } = this.options;
    if (apiVersion !== "auto") return apiVersion;
    const answer = await this.send({ path: "/version" }, options);
    if (unversioned !== undefined && (answer.httpStatus === 404 || answer.httpStatus === 400)) return unversioned;
    const offered = answer.httpStatus === 200 && answer.results ? parseOfferedVersions(answer.results) : undefined;
    if (offered === undefined)
      throw answerError(answer, { name, task: "agree on an API version", ...versionRefusal(answer, versionFault) });
    const who = `${name} at ${this.http.origin}`;
    this.version = chooseApiVersion({ offered, setting: apiVersion, who, fault: versionFault, call: answer.call });
    return this.version;
  }
}

/** In push mode the verifier of 7.14 answers 410 to /version. */
function versionRefusal({ httpStatus }: KeylimeAnswer, fault: FaultId): { code: string; why?: string; hint?: string } {
  if (httpStatus === 410) return { code: "agent-push-mode", why: "the verifier runs in push mode" };
  if (httpStatus === 404) return { code: fault, hint: "is it a Keylime service that listens there?" };
  return { code: httpStatus >= 500 ? "server-error" : "bad-answer" };
}

/** 7.14 answers 404 with an empty body, older servers and agents 400 with words. */
export function isVersionRefusal({ httpStatus, isBare, serverText }: KeylimeAnswer): boolean {
  if (httpStatus === 404) return isBare;
  return httpStatus === 400 && /version not supported/i.test(serverText ?? "");
}
