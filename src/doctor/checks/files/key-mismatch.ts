import type { Facts } from "../../facts/facts.js";
import type { FileCertificate } from "../../facts/files/file-facts.js";
import { certificateEvidence } from "../certificates/certificate-words.js";
import { defineCheck, type Finding, foundOrClear } from "../check.js";
import { readerName, serviceName, stopsAttestation, useEvidence } from "./file-words.js";
import { certificatesOf, type KeyPairFiles, keyOf, keyPairs } from "./keys.js";

export const keyMismatch = defineCheck({
  id: "key-mismatch",
  family: "files",
  title: "each private key is the one its certificate was issued for",
  judge(facts) {
    const pairs = keyPairs(facts);
    if (pairs.length === 0) return { is: "skipped", reason: "no certificate and key are configured" };
    const compared = pairs.filter(
      (pair) => keyHash(pair) !== undefined && certificatesOf(pair.certificateFile).length > 0,
    );
    if (compared.length === 0) return { is: "unknown", reason: "neither keys nor certificates could be read" };
    const findings = compared.flatMap((pair) => judgePair(pair, facts));
    return foundOrClear(
      findings,
      compared.map(({ keyFile, certificateFile }) => `${keyFile.path} and ${certificateFile.path}`).join(", "),
    );
  },
});

const keyHash = ({ keyFile }: KeyPairFiles): string | undefined => keyOf(keyFile)?.publicKeySha256;

function judgePair(pair: KeyPairFiles, facts: Facts): Finding[] {
  const { keyUse, keyFile, certificateUse, certificateFile } = pair;
  const certificates = certificatesOf(certificateFile);
  // A key of a later certificate is a file in the wrong order.
  if (certificates.some(({ publicKeySha256 }) => publicKeySha256 === keyHash(pair))) return [];
  const [leaf] = certificates;
  const owner = ownerOf(keyHash(pair)!, facts);
  const belongs = owner === undefined ? "" : `; it is the key of ${owner.certificate.facts.subject} in ${owner.path}`;
  return [
    {
      severity: "error",
      stopsAttestation: stopsAttestation(keyUse),
      summary: `the key ${keyFile.path} of ${readerName(keyUse.reader)} does not belong to the certificate in ${certificateFile.path}${belongs}`,
      evidence: [
        useEvidence(certificateUse),
        certificateEvidence(leaf!, certificateFile.path, `its public key has SHA-256 ${leaf!.publicKeySha256}`),
        useEvidence(keyUse),
        { text: `${keyFile.path}: its public key has SHA-256 ${keyHash(pair)}`, file: keyFile.path },
        ...(owner === undefined ? [] : [certificateEvidence(owner.certificate, owner.path, "that key's certificate")]),
      ],
      fix: {
        action: `set ${keyUse.key} to the key that ${leaf!.facts.subject} was issued for, or ${certificateUse.key} to the certificate of this key, then restart ${serviceName(keyUse.reader)}`,
        commands: [
          `openssl x509 -in ${certificateFile.path} -noout -pubkey | sha256sum`,
          `openssl pkey -in ${keyFile.path} -pubout | sha256sum`,
        ],
      },
    },
  ];
}

function ownerOf(hash: string, { files }: Facts): { certificate: FileCertificate; path: string } | undefined {
  return files
    .flatMap((file) => certificatesOf(file).map((certificate) => ({ certificate, path: file.path })))
    .find(({ certificate }) => certificate.publicKeySha256 === hash);
}
