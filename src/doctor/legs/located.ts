import { X509Certificate } from "node:crypto";
import type { FileFacts } from "../facts/files/file-facts.js";
import type { LocatedCertificate } from "./leg.js";

/** The certificates of a file with the file's name. */
export function located({ path, content }: FileFacts): LocatedCertificate[] {
  return content.known ? content.value.certificates.map((certificate) => ({ certificate, path })) : [];
}

const parsed = new WeakMap<LocatedCertificate["certificate"], X509Certificate>();

/** The certificate as node:crypto has it, made once. */
export function x509Of({ certificate }: LocatedCertificate): X509Certificate {
  const known = parsed.get(certificate);
  if (known !== undefined) return known;
  const made = new X509Certificate(Buffer.from(certificate.der, "base64"));
  parsed.set(certificate, made);
  return made;
}
