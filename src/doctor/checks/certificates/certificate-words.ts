import type { FileCertificate } from "../../facts/files/file-facts.js";
import type { Evidence } from "../check.js";

/** Whether a certificate was seen at `host:port` and not read from a file. */
export const isEndpoint = (path: string): boolean => /^[^/]+:\d+$/.test(path);

/** Shows the first certificate of a file, or the one that a server presents, by `openssl x509`. */
export const x509Command = (path: string, options: string): string =>
  isEndpoint(path)
    ? `openssl s_client -connect ${path} </dev/null 2>/dev/null | openssl x509 ${options}`
    : `openssl x509 -in ${path} ${options}`;

/** A certificate of a file, or seen at a server, as proof: what it is, where it stands, and what about it counts. */
export function certificateEvidence(certificate: FileCertificate, path: string, what: string): Evidence {
  const { facts, position, line } = certificate;
  const { subject, issuer, serial, sha256 } = facts;
  const told = what === "" ? "" : `: ${what}`;
  const where = isEndpoint(path) ? `as seen at ${path}` : `of ${path}`;
  return {
    text: `certificate ${position} ${where}, ${subject}, issued by ${issuer}${told}`,
    ...(isEndpoint(path) ? {} : { file: path, line }),
    certificate: { subject, issuer, serial, sha256, file: path },
  };
}
