import type { Facts } from "../../facts/facts.js";
import type { FileCertificate, FileFacts, FileKey, FileUse } from "../../facts/files/file-facts.js";

/** The files that somebody takes for a private key, with those of their uses alone. */
export function keyFiles({ files }: Pick<Facts, "files">): FileFacts[] {
  return files
    .map((file) => ({ ...file, uses: file.uses.filter(({ role }) => role === "key") }))
    .filter(({ uses }) => uses.length > 0);
}

/** The key that a reader would take of the file: the first. */
export function keyOf({ content }: FileFacts): FileKey | undefined {
  return content.known ? content.value.keys[0] : undefined;
}

export function certificatesOf({ content }: FileFacts): readonly FileCertificate[] {
  return content.known ? content.value.certificates : [];
}

/** A key and the certificate file that the same reader presents with it. */
export interface KeyPairFiles {
  keyUse: FileUse;
  keyFile: FileFacts;
  certificateUse: FileUse;
  certificateFile: FileFacts;
}

export function keyPairs({ files }: Pick<Facts, "files">): KeyPairFiles[] {
  const uses = files.flatMap((file) => file.uses.map((use) => ({ use, file })));
  const certificates = uses.filter(({ use }) => use.role === "certificate");
  return uses
    .filter(({ use }) => use.role === "key")
    .flatMap((key) => {
      const pair = certificates.find(({ use }) => isPair(use, key.use));
      if (pair === undefined) return [];
      return [{ keyUse: key.use, keyFile: key.file, certificateUse: pair.use, certificateFile: pair.file }];
    });
}

function isPair(certificate: FileUse, key: FileUse): boolean {
  return (
    certificate.reader === key.reader &&
    certificate.end === key.end &&
    certificate.legs.some((leg) => key.legs.includes(leg))
  );
}
