import { listed } from "../../../core/listed.js";
import type { FileFacts, FileUse } from "../../facts/files/file-facts.js";
import { defineCheck, type Finding, foundOrClear } from "../check.js";
import { readerName, serviceName, stopsAttestation, useEvidence } from "./file-words.js";

export const pluginMissingFile = defineCheck({
  id: "plugin-missing-file",
  family: "files",
  title: "every file that a configuration names, or that counts by default, is there",
  judge({ files }) {
    const named = files.filter(({ uses }) => uses.some(isNeeded));
    if (named.length === 0) return { is: "skipped", reason: "no configuration that names a file was read" };
    const findings = named.flatMap(judgeFile);
    const [unseen] = named.flatMap(({ state }) => (state.known ? [] : [state]));
    if (findings.length === 0 && unseen !== undefined) {
      return { is: "unknown", reason: `cannot look at ${unseen.source}: ${unseen.reason}` };
    }
    return foundOrClear(findings, named.map(({ path }) => path).join(", "));
  },
});

/** An executable that is missing is another fault; a file that its reader makes for itself is none. */
const isNeeded = ({ role, isMadeByReader }: FileUse): boolean => role !== "executable" && isMadeByReader !== true;

function judgeFile({ path, uses, state }: FileFacts): Finding[] {
  if (!state.known || state.value.is !== "missing") return [];
  const needed = uses.filter(isNeeded);
  const stops = needed.some(stopsAttestation);
  const { at } = state.value;
  const [first] = needed;
  const readers = [...new Set(needed.map(({ reader }) => readerName(reader)))];
  return [
    {
      severity: stops ? "error" : "warning",
      stopsAttestation: stops,
      summary: `${path} does not exist, and ${listed(readers)} ${readers.length > 1 ? "need" : "needs"} it`,
      evidence: [
        ...needed.map(useEvidence),
        { text: at === path ? `there is no ${path}` : `there is no ${at}, so no ${path} either`, file: path },
      ],
      fix: fixOf(first!, path),
    },
  ];
}

function fixOf({ key, isDefault, reader }: FileUse, path: string) {
  const what = isDefault ? `set ${key} to the file that is meant` : `create ${path}, or correct ${key}`;
  return { action: `${what}, then restart ${serviceName(reader)}` };
}
