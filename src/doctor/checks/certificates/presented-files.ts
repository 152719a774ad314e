import type { Facts } from "../../facts/facts.js";
import type { FileCertificate, FileFacts, FileUse } from "../../facts/files/file-facts.js";
import type { Evidence, Outcome } from "../check.js";
import { useEvidence } from "../files/file-words.js";
import { certificateEvidence } from "./certificate-words.js";

/** A certificate of a file that somebody presents. */
export interface PresentedCertificate {
  certificate: FileCertificate;
  file: FileFacts;
  /** Those that present it. */
  uses: readonly FileUse[];
}

/** Every certificate of every file that is presented; the Keylime agent presents the first of its file alone. */
export function presentedCertificates({ files }: Pick<Facts, "files">): PresentedCertificate[] {
  return files.flatMap((file) => {
    const uses = file.uses.filter(({ role }) => role === "certificate");
    const certificates = file.content.known ? file.content.value.certificates : [];
    return certificates.flatMap((certificate) => {
      const presenting = uses.filter(({ reader }) => reader !== "keylime-agent" || certificate.position === 1);
      return presenting.length === 0 ? [] : [{ certificate, file, uses: presenting }];
    });
  });
}

/** Where it is configured, and what about it counts. */
export function presentedProof({ certificate, file, uses }: PresentedCertificate, what: string): Evidence[] {
  return [...uses.map(useEvidence), certificateEvidence(certificate, file.path, what)];
}

/** Skipped where no certificate is configured, unknown where none could be read. */
export function nothingPresented({ files }: Pick<Facts, "files">): Outcome | undefined {
  const named = files.filter(({ uses }) => uses.some(({ role }) => role === "certificate"));
  if (named.length === 0) return { is: "skipped", reason: "no configuration that was read names a certificate" };
  if (named.some(({ content }) => content.known && content.value.certificates.length > 0)) return undefined;
  const unread = named.find(({ content }) => !content.known)?.content;
  const reason =
    unread?.known === false ? `${unread.source}: ${unread.reason}` : "there is no certificate in the files";
  return { is: "unknown", reason };
}
