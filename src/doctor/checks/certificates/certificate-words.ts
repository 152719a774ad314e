import type { FileCertificate } from "../../facts/files/file-facts.js";
import type { Evidence } from "../check.js";

/** A certificate of a file, as proof: what it is, where it stands, and what about it counts. */
export function certificateEvidence(certificate: FileCertificate, path: string, what: string): Evidence {
  const { facts, position, line } = certificate;
  const { subject, issuer, serial, sha256 } = facts;
  const told = what === "" ? "" : `: ${what}`;
  return {
    text: `certificate ${position} of ${path}, ${subject}, issued by ${issuer}${told}`,
    file: path,
    line,
    certificate: { subject, issuer, serial, sha256, file: path },
  };
}
