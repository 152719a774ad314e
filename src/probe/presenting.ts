import type { X509Certificate } from "node:crypto";
import type { ClientCredentials } from "./client-credentials.js";
import type { Presenting } from "./handshake/handshake-context.js";
import { goWithholds, presentAs, type Stack } from "./stack.js";

/** What a TLS stack does with a certificate file when a server asks for one; `anchors` is what it completes chains from. */
export function presentingOf(
  stack: Stack | undefined,
  credentials: ClientCredentials,
  anchors: readonly X509Certificate[],
): Presenting {
  const { chain, unusable } = presentAs(stack, credentials, anchors);
  return {
    credentials,
    chain,
    withhold: ({ authorities }) => unusable ?? (stack === "go" ? goWithholds(credentials, authorities) : undefined),
  };
}
