import type { Denial, FileFacts, FileUse, ReaderUser } from "../../facts/files/file-facts.js";
import { defineCheck, type Finding, type Fix, foundOrClear } from "../check.js";
import { modeText, ownerText, readerName, serviceName, stateOf, stopsAttestation, useEvidence } from "./file-words.js";

export const pluginUnreadableFile = defineCheck({
  id: "plugin-unreadable-file",
  family: "files",
  title: "the users that run the services can read their files",
  judge({ files }) {
    const read = files.map((file) => ({ ...file, uses: file.uses.filter(({ role }) => role !== "executable") }));
    const there = read.filter((file) => file.uses.length > 0 && stateOf(file) !== undefined);
    if (there.length === 0) return { is: "skipped", reason: "no file that a configuration names is there" };
    const findings = there.flatMap((file) => [...judgeKind(file), ...judgeAccess(file)]);
    const judged = there.flatMap(({ readers }) => readers.filter(({ denied }) => denied.known));
    const [unknown] = there.flatMap(({ readers }) => readers.flatMap(({ denied }) => (denied.known ? [] : [denied])));
    if (findings.length === 0 && judged.length === 0 && unknown !== undefined) {
      return { is: "unknown", reason: `${unknown.reason}; name the user with --as-user` };
    }
    return foundOrClear(findings, clearText(there));
  },
});

function clearText(files: readonly FileFacts[]): string {
  const users = files.flatMap(({ readers }) =>
    readers.flatMap(({ reader, user }) =>
      user.known ? [`${readerName(reader)} runs as ${userName(user.value)}`] : [],
    ),
  );
  return `${files.length} files; ${[...new Set(users)].join(", ")}`;
}

/** A folder or a device where a file is wanted: nobody can read it as one. */
function judgeKind(file: FileFacts): Finding[] {
  const state = stateOf(file);
  if (state === undefined || state.is === "file") return [];
  const [use] = file.uses;
  const kind = state.is === "directory" ? "a directory" : "no regular file";
  return [
    {
      severity: "error",
      stopsAttestation: file.uses.some(stopsAttestation),
      summary: `${file.path} is ${kind}, where ${readerName(use!.reader)} wants a file`,
      evidence: [...file.uses.map(useEvidence), { text: `${file.path} is ${kind}`, file: file.path }],
      fix: { action: `set ${use!.key} to a regular file, then restart ${serviceName(use!.reader)}` },
    },
  ];
}

function judgeAccess(file: FileFacts): Finding[] {
  return file.readers.flatMap(({ reader, user, denied }) => {
    const uses = file.uses.filter((use) => use.reader === reader);
    if (!user.known || !denied.known || denied.value === undefined || uses.length === 0) return [];
    return [deniedFinding(file, uses, user.value, denied.value, user.source)];
  });
}

function deniedFinding(
  { path }: FileFacts,
  uses: readonly FileUse[],
  user: ReaderUser,
  denial: Denial,
  userSource: string,
): Finding {
  const [use] = uses;
  const where = denial.path === path ? "it" : `the folder ${denial.path}`;
  const right = denial.lacks === "search" ? "may not enter" : "may not read";
  return {
    severity: stopsAttestation(use!) ? "error" : "warning",
    stopsAttestation: stopsAttestation(use!),
    summary: `${readerName(use!.reader)} cannot read ${path}: user ${userName(user)} ${right} ${where}`,
    evidence: [
      ...uses.map(useEvidence),
      { text: `${readerName(use!.reader)} runs as ${userName(user)} (${userSource})` },
      {
        text: `${denial.path}: owner ${ownerText(denial)}, mode ${modeText(denial.mode)}: ${denial.because}`,
        file: denial.path,
      },
    ],
    fix: accessFix(use!, user, denial),
  };
}

function accessFix(use: FileUse, user: ReaderUser, denial: Denial): Fix {
  const name = userName(user);
  const restart = `then restart ${serviceName(use.reader)}`;
  if (denial.lacks === "search") {
    return {
      action: `let ${name} enter ${denial.path}, ${restart}`,
      commands: [`setfacl -m u:${name}:x ${denial.path}`],
    };
  }
  const mode = denial.mode | 0o040;
  const group = String(user.gid);
  return {
    action: `let the group of ${name} read ${denial.path}, ${restart}`,
    commands: [`chgrp ${group} ${denial.path}`, `chmod ${modeText(mode)} ${denial.path}`],
    edits: [
      { kind: "owner", file: denial.path, group },
      { kind: "mode", file: denial.path, mode },
    ],
  };
}

const userName = ({ name, uid }: ReaderUser): string => name ?? String(uid);
