import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { Problem } from "../../core/problem.js";
import { isCertificateBlock, parsePem } from "../../formats/pem/pem.js";
import { schemeFitsKey, tls13SignatureSchemes } from "../../tls/signature.js";

export interface PemPair {
  /** Leaf first, then intermediates: sent as it stands. */
  certPem: string;
  keyPem: string;
}

/** What the server presents and signs with. */
export interface Credentials {
  /** DER, leaf first. */
  chain: Buffer[];
  key: KeyObject;
  /** Signature schemes the key can make, in our order of preference. */
  schemes: number[];
}

export function parseCredentials({ certPem, keyPem }: PemPair): Credentials {
  const chain = parseCertificates(certPem);
  const key = createPrivateKey(keyPem);
  const [leaf] = chain;
  if (leaf === undefined) throw unusable("the certificate text holds no certificate");
  if (!leaf.checkPrivateKey(key)) throw unusable("the private key does not belong to the certificate");
  const schemes = tls13SignatureSchemes.filter((scheme) => schemeFitsKey(scheme, key));
  return { chain: chain.map(({ raw }) => raw), key, schemes };
}

export function parseCertificates(pem: string): X509Certificate[] {
  return parsePem(pem)
    .blocks.filter(isCertificateBlock)
    .map(({ text }) => new X509Certificate(text));
}

function unusable(why: string): Problem {
  return new Problem("key-mismatch", `cannot use the lab server's certificate and key: ${why}`, { culprit: "usage" });
}
