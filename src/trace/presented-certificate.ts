import { createHash } from "node:crypto";
import { type CertificateFacts, readCertificate } from "../x509/certificate.js";

/** A certificate as it was presented; `facts` is undefined when OpenSSL cannot read it. */
export interface PresentedCertificate {
  /** SHA-256 over the DER bytes, lower-case hex. */
  sha256: string;
  der: Buffer;
  facts: CertificateFacts | undefined;
}

const maxCached = 500;

/** Reads certificates; the same few come by in every connection of a capture, so the last ones are remembered. */
export class CertificateCache {
  readonly #known = new Map<string, PresentedCertificate>();

  read(der: Buffer): PresentedCertificate {
    const sha256 = createHash("sha256").update(der).digest("hex");
    const known = this.#known.get(sha256);
    if (known !== undefined) return known;
    const presented = { sha256, der, facts: factsOf(der) };
    if (this.#known.size >= maxCached) this.#known.clear();
    this.#known.set(sha256, presented);
    return presented;
  }
}

function factsOf(der: Buffer): CertificateFacts | undefined {
  try {
    return readCertificate(der);
  } catch {
    return undefined;
  }
}
