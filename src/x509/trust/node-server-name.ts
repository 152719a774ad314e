import type { X509Certificate } from "node:crypto";
import { checkServerIdentity } from "node:tls";

/** Whether Node's TLS client takes the certificate for a server of this name: undefined when it does, else Node's words. */
export function nodeNameFault(leaf: X509Certificate, serverName: string): string | undefined {
  return checkServerIdentity(serverName, leaf.toLegacyObject() as Parameters<typeof checkServerIdentity>[1])?.message;
}
