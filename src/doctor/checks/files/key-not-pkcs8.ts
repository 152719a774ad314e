import type { FileFacts, FileUse } from "../../facts/files/file-facts.js";
import { defineCheck, type Finding, foundOrClear } from "../check.js";
import { readerName, serviceName, useEvidence } from "./file-words.js";
import { keyFiles, keyOf } from "./keys.js";

export const keyNotPkcs8 = defineCheck({
  id: "key-not-pkcs8",
  family: "files",
  title: "keys are in PKCS#8 where the reader takes only that",
  judge(facts) {
    const strict = keyFiles(facts)
      .map((file) => ({ ...file, uses: file.uses.filter(({ pkcs8Only }) => pkcs8Only !== undefined) }))
      .filter(({ uses }) => uses.length > 0);
    if (strict.length === 0) return { is: "skipped", reason: "every reader takes PKCS#8, PKCS#1 and SEC1 alike" };
    const seen = strict.filter((file) => keyOf(file) !== undefined);
    if (seen.length === 0) return { is: "unknown", reason: `cannot read the key ${strict[0]!.path}` };
    const findings = seen.flatMap((file) => file.uses.flatMap((use) => judgeUse(file, use)));
    return foundOrClear(findings, seen.map((file) => `${file.path}: ${keyOf(file)!.label}`).join(", "));
  },
});

const pkcs8Labels: readonly string[] = ["PRIVATE KEY", "ENCRYPTED PRIVATE KEY"];

function judgeUse(file: FileFacts, use: FileUse): Finding[] {
  const { label, line } = keyOf(file)!;
  if (pkcs8Labels.includes(label)) return [];
  return [
    {
      severity: "error",
      stopsAttestation: true,
      summary: `the key ${file.path} is in the form ${label}, and ${readerName(use.reader)} takes PKCS#8 (PRIVATE KEY) only`,
      evidence: [
        useEvidence(use),
        { text: `${file.path}:${line} begins with ${label}`, file: file.path, line },
        { text: use.pkcs8Only! },
      ],
      fix: {
        action: `convert the key to PKCS#8, then restart ${serviceName(use.reader)}`,
        commands: [
          `(umask 077 && openssl pkcs8 -topk8 -nocrypt -in ${file.path} -out ${file.path}.p8)`,
          `chown --reference=${file.path} ${file.path}.p8`,
          `mv ${file.path}.p8 ${file.path}`,
        ],
      },
    },
  ];
}
