import type { ConnectionStory } from "./connection-story.js";
import type { ProbeFinding } from "./report-schema.js";

/** nginx completes the handshake and refuses the certificate in HTTP (its codes 495 and 496, sent as 400). */
export function httpRefusal({ http, sentChain }: ConnectionStory): ProbeFinding | undefined {
  if (http === undefined || ![400, 495, 496].includes(http.status)) return undefined;
  if (/No required SSL certificate was sent/.test(http.body)) {
    return {
      id: "client-cert-not-sent",
      severity: "error",
      message: "the handshake went through and the server answers that a client certificate is required",
      hint: "present one: --cert and --key",
    };
  }
  if (!/The SSL certificate error/.test(http.body) || sentChain === undefined) return undefined;
  return {
    id: "client-cert-refused",
    severity: "error",
    message: "the handshake went through and the server answers that it refuses the client certificate",
    hint: "look at the server's error log: nginx writes OpenSSL's reason there",
  };
}
