import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";

/** By the SANs; like Go and Python, and unlike old OpenSSL, the common name counts for nothing. */
export function carriesName(leaf: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return leaf.checkIP(name) !== undefined;
  return leaf.checkHost(name, { subject: "never" }) !== undefined;
}
