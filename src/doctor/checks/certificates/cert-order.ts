import type { Facts } from "../../facts/facts.js";
import type { FileCertificate, FileFacts, FileUse } from "../../facts/files/file-facts.js";
import { defineCheck, type Finding, foundOrClear } from "../check.js";
import { readerName, serviceName, stopsAttestation, useEvidence } from "../files/file-words.js";
import { certificatesOf, keyOf, keyPairs } from "../files/keys.js";
import { certificateEvidence } from "./certificate-words.js";
import { nothingPresented } from "./presented-files.js";

export const certOrder = defineCheck({
  id: "cert-order",
  family: "certificates",
  title: "each certificate file starts with its owner's certificate",
  judge(facts) {
    const nothing = nothingPresented(facts);
    if (nothing !== undefined) return nothing;
    const named = facts.files.flatMap((file) =>
      file.uses.filter(({ role }) => role === "certificate").map((use) => ({ file, use })),
    );
    const findings = named.flatMap(({ file, use }) => judgeFile(file, use, facts));
    const distinct = findings.filter((one, i) => findings.findIndex(({ summary }) => summary === one.summary) === i);
    const first = named
      .flatMap(({ file }) => certificatesOf(file).slice(0, 1))
      .map(({ facts: { subject } }) => subject);
    return foundOrClear(distinct, [...new Set(first)].join("; "));
  },
});

function judgeFile(file: FileFacts, use: FileUse, facts: Facts): Finding[] {
  const certificates = certificatesOf(file);
  const owner = ownerOf(file, use, facts);
  if (owner === undefined || owner.position === 1) return [];
  const wanted = [owner, ...certificates.filter((one) => one !== owner)];
  const subject = owner.facts.subject;
  return [
    {
      severity: stopsAttestation(use) ? "error" : "warning",
      stopsAttestation: stopsAttestation(use),
      stage: "load",
      summary: `${file.path} starts with ${certificates[0]!.facts.subject}, and ${readerName(use.reader)}'s own certificate ${subject} comes as number ${owner.position}`,
      evidence: [
        useEvidence(use),
        ...certificates.map((one) => certificateEvidence(one, file.path, one === owner ? "its key is configured" : "")),
      ],
      fix: {
        action: `write ${file.path} anew in the order ${wanted.map((one) => one.facts.subject).join(", then ")}, then restart ${serviceName(use.reader)}`,
        commands: [`openssl crl2pkcs7 -nocrl -certfile ${file.path} | openssl pkcs7 -print_certs -noout`],
      },
    },
  ];
}

/** The certificate that the configured key belongs to; without a readable key the one leaf behind CAs. */
function ownerOf(file: FileFacts, use: FileUse, facts: Facts): FileCertificate | undefined {
  const certificates = certificatesOf(file);
  const pair = keyPairs(facts).find(
    ({ certificateFile, certificateUse }) => certificateFile.path === file.path && certificateUse.reader === use.reader,
  );
  const hash = pair === undefined ? undefined : keyOf(pair.keyFile)?.publicKeySha256;
  if (hash !== undefined) return certificates.find(({ publicKeySha256 }) => publicKeySha256 === hash);
  return certificates[0]?.facts.isCa ? certificates.find((one) => !one.facts.isCa) : certificates[0];
}
