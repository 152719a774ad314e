import { type CertificateFacts, readCertificate } from "../x509/certificate.js";
import { certificateReport, unreadableReport } from "../x509/certificate-report.js";
import { nameText } from "../x509/distinguished-name.js";
import type { TracedCertificate } from "./report-schema.js";

/** A certificate as it was presented, and as the report tells it. */
export interface PresentedCertificate {
  der: Buffer;
  /** Undefined when OpenSSL cannot read it. */
  facts: CertificateFacts | undefined;
  told: TracedCertificate;
}

const maxCached = 500;
const maxCachedNames = 1000;
/** Of the signature at a certificate's end: as good as random, and cheaper to find than a hash of the whole. */
const keyBytes = 24;

/** Reads certificates and CA names; the same few come by in every connection of a capture, so the last are remembered. */
export class CertificateCache {
  readonly #known = new Map<string, PresentedCertificate>();
  readonly #names = new Map<string, string>();

  read(der: Buffer): PresentedCertificate {
    const key = der.toString("latin1", Math.max(0, der.length - keyBytes));
    const known = this.#known.get(key);
    if (known?.der.equals(der)) return known;
    const facts = factsOf(der);
    const presented = { der, facts, told: tellCertificate(der, facts) };
    if (this.#known.size >= maxCached) this.#known.clear();
    this.#known.set(key, presented);
    return presented;
  }

  nameText(der: Buffer): string {
    const key = der.toString("latin1");
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const text = nameText(der);
    if (this.#names.size >= maxCachedNames) this.#names.clear();
    this.#names.set(key, text);
    return text;
  }
}

function factsOf(der: Buffer): CertificateFacts | undefined {
  try {
    return readCertificate(der);
  } catch {
    return undefined;
  }
}

function tellCertificate(der: Buffer, facts: CertificateFacts | undefined): TracedCertificate {
  const told = facts === undefined ? unreadableReport(der) : certificateReport(facts);
  return { ...told, is_ca: facts?.isCa ?? false, readable: facts !== undefined };
}
