import type { X509Certificate } from "node:crypto";
import { nameText } from "../x509/distinguished-name.js";
import { readCertificateFields } from "../x509/extensions.js";
import type { ClientCredentials } from "./client-credentials.js";

export const stacks = ["go", "openssl", "node", "rust"] as const;
export type Stack = (typeof stacks)[number];

export interface StackPresentation {
  /** DER, leaf first; empty when the stack presents nothing. */
  chain: Buffer[];
  /** What differs from the file, and why; empty when nothing does. */
  reasons: string[];
}

/**
 * What a TLS stack would send of a certificate file. Without a stack: the file as it stands.
 *
 * Go's `crypto/tls` sends `Certificate.Certificate` unchanged. OpenSSL (`ssl_add_cert_chain`, statem_lib.c, 3.0) builds the
 * missing part from its own trust file when the file holds the leaf alone. Node gives that file to OpenSSL as `ca`. The
 * Keylime agent in Rust loads the first certificate of its file.
 */
export function presentAs(
  stack: Stack | undefined,
  { chain, name }: ClientCredentials,
  anchors: readonly X509Certificate[],
): StackPresentation {
  const whole = { chain: chain.map(({ raw }) => raw), reasons: [] };
  if (stack === undefined || stack === "go") return whole;
  if (stack === "rust") {
    if (chain.length === 1) return whole;
    const reason = `sends the first certificate of ${name} only, ${chain.length - 1} more stay behind`;
    return { chain: [chain[0]!.raw], reasons: [reason] };
  }
  if (chain.length > 1) return whole;
  const completed = complete(chain[0]!, anchors);
  if (completed.length === 1) return whole;
  const reason = `${name} holds the leaf alone: OpenSSL adds ${completed.length - 1} from the CA file, Go would not`;
  return { chain: completed.map(({ raw }) => raw), reasons: [reason] };
}

/**
 * Why Go answers "none": the server names CAs, and no certificate of the chain was issued by one of them
 * (`CertificateRequestInfo.SupportsCertificate`). OpenSSL and Node send a configured certificate all the same.
 */
export function goWithholds({ chain }: ClientCredentials, authorities: readonly Buffer[]): string | undefined {
  if (authorities.length === 0) return undefined;
  const issuers = chain.map(({ raw }) => readCertificateFields(raw).issuer);
  if (issuers.some((issuer) => authorities.some((name) => name.equals(issuer)))) return undefined;
  const named = authorities.slice(0, 3).map(nameText).join("; ");
  return `Go sends no certificate here: the server names the CAs it accepts (${named}), and none of them issued this one`;
}

/** The longest path anybody builds. */
const mostCertificates = 10;

function complete(leaf: X509Certificate, anchors: readonly X509Certificate[]): X509Certificate[] {
  const path = [leaf];
  while (path.length < mostCertificates) {
    const top = path.at(-1)!;
    if (top.checkIssued(top)) return path;
    const issuer = anchors.find((each) => top.checkIssued(each) && top.verify(each.publicKey));
    if (issuer === undefined) return path;
    path.push(issuer);
  }
  return path;
}
