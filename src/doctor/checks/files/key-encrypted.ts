import type { FileFacts, FileUse } from "../../facts/files/file-facts.js";
import { defineCheck, type Finding, foundOrClear } from "../check.js";
import { readerName, serviceName, stopsAttestation, useEvidence } from "./file-words.js";
import { keyFiles, keyOf } from "./keys.js";

export const keyEncrypted = defineCheck({
  id: "key-encrypted",
  family: "files",
  title: "no private key needs a password that nothing supplies",
  judge(facts) {
    const seen = keyFiles(facts).filter((file) => keyOf(file) !== undefined);
    if (seen.length === 0) return { is: "skipped", reason: "no private key could be read" };
    const labels = seen.map((file) => `${file.path}: ${keyOf(file)!.label}`);
    return foundOrClear(
      seen.flatMap((file) => file.uses.flatMap((use) => judgeUse(file, use))),
      labels.join(", "),
    );
  },
});

function judgeUse(file: FileFacts, use: FileUse): Finding[] {
  const { isEncrypted, label, line } = keyOf(file)!;
  if (!isEncrypted || use.hasPassword === true) return [];
  return [
    {
      severity: "error",
      stopsAttestation: stopsAttestation(use),
      summary: `the key ${file.path} is encrypted, and ${readerName(use.reader)} is told no password`,
      evidence: [useEvidence(use), { text: `${file.path}:${line} begins with ${label}`, file: file.path, line }],
      fix: {
        action: `store the key without a password, readable by its owner alone, then restart ${serviceName(use.reader)}`,
        commands: [
          `(umask 077 && openssl pkey -in ${file.path} -out ${file.path}.plain)`,
          `mv ${file.path}.plain ${file.path}`,
        ],
      },
    },
  ];
}
