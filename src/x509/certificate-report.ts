import { createHash } from "node:crypto";
import { alternativeNamesText, type CertificateFacts } from "./certificate.js";

/** A certificate as a report for programs tells it. */
export interface CertificateReport {
  subject: string;
  issuer: string;
  serial: string;
  sha256: string;
  /** ISO 8601; null for a date that cannot be read. */
  not_before: string | null;
  not_after: string | null;
  /** Null when the certificate has no such extension. */
  eku: string[] | null;
  sans: string[];
}

export function certificateReport(facts: CertificateFacts): CertificateReport {
  const { subject, issuer, serial, sha256, notBeforeMs, notAfterMs, eku, sans } = facts;
  return {
    subject,
    issuer,
    serial,
    sha256,
    not_before: isoOrNull(notBeforeMs),
    not_after: isoOrNull(notAfterMs),
    eku: eku === undefined ? null : [...eku],
    sans: sans.map((each) => alternativeNamesText([each])),
  };
}

/** Bytes that are no certificate. */
export function unreadableReport(bytes: Buffer): CertificateReport {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { subject: "", issuer: "", serial: "", sha256, not_before: null, not_after: null, eku: null, sans: [] };
}

const isoOrNull = (ms: number): string | null => (Number.isNaN(ms) ? null : new Date(ms).toISOString());
