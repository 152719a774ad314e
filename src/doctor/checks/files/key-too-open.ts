import type { FileFacts } from "../../facts/files/file-facts.js";
import { defineCheck, type Finding, foundOrClear } from "../check.js";
import { modeText, type RegularState, stateEvidence, stateOf, useEvidence } from "./file-words.js";
import { keyFiles } from "./keys.js";

export const keyTooOpen = defineCheck({
  id: "key-too-open",
  family: "files",
  title: "private keys are readable by their readers alone",
  judge(facts) {
    const seen = keyFiles(facts).flatMap((file) => {
      const state = stateOf(file);
      return state?.is === "file" ? [{ file, state }] : [];
    });
    if (seen.length === 0) return { is: "skipped", reason: "no private key that a configuration names is there" };
    const modes = seen.map(({ file, state }) => `${file.path} has mode ${modeText(state.mode)}`);
    return foundOrClear(seen.flatMap(judgeKey), modes.join(", "));
  },
});

const othersRead = 0o004;
const othersOrGroupWrite = 0o022;

function judgeKey({ file, state }: { file: FileFacts; state: RegularState }): Finding[] {
  // A folder that strangers may not enter keeps an open file to itself.
  const isReached = file.strangerDenied.known && file.strangerDenied.value?.lacks !== "search";
  const isRead = (state.mode & othersRead) !== 0 && isReached;
  const isWritten = (state.mode & othersOrGroupWrite) !== 0 && isReached;
  if (!isRead && !isWritten) return [];
  const mode = state.mode & 0o750;
  return [
    {
      severity: "warning",
      stopsAttestation: false,
      summary: `the private key ${file.path} can be ${isRead ? "read" : "replaced"} by ${isRead ? "every user" : "more than its owner"} (mode ${modeText(state.mode)})`,
      evidence: [...stateEvidence(file), ...file.uses.map(useEvidence)],
      fix: {
        action: `take the rights of others away from ${file.path}`,
        commands: [`chmod ${modeText(mode)} ${file.path}`],
        edits: [{ kind: "mode", file: file.path, mode }],
      },
    },
  ];
}
