import { execFile } from "node:child_process";
import { type Fact, known, unknown } from "../fact.js";
import type { AclEntry } from "./permission.js";

/** The ACLs of files and folders by their path on this machine; an empty list: the mode says it all. */
export type Acls = ReadonlyMap<string, Fact<readonly AclEntry[]>>;

const timeoutMs = 2000;

/**
 * Asks getfacl once for all paths. Node reads no extended attributes, so without getfacl only `ls` can tell whether there is
 * an ACL at all; what it grants stays unknown then.
 */
export async function gatherAcls(paths: readonly string[]): Promise<Acls> {
  if (paths.length === 0) return new Map();
  const text = await outputOf("getfacl", ["--absolute-names", "--numeric", "--", ...paths]);
  if (text !== undefined) return parseGetfacl(text);
  const marks = await outputOf("ls", ["-ldn", "--", ...paths]);
  return marks === undefined ? new Map() : parseMarks(marks, paths);
}

/** One record per path, with an empty line between: `# file: /a`, then entries such as `user:1000:r--`. */
export function parseGetfacl(text: string): Acls {
  const acls = new Map<string, Fact<readonly AclEntry[]>>();
  for (const record of text.split(/\n\n+/)) {
    const name = /^# file: (.*)$/m.exec(record)?.[1];
    if (name === undefined) continue;
    const entries = record.split("\n").flatMap(parseEntry);
    acls.set(unescaped(name), known(isExtended(entries) ? entries : [], "getfacl"));
  }
  return acls;
}

/** A mask or a named entry: without, the entries are the mode in other words. */
const isExtended = (entries: readonly AclEntry[]): boolean =>
  entries.some(({ kind, id }) => kind === "mask" || id !== undefined);

function parseEntry(line: string): AclEntry[] {
  const [, kind, id, r, w, x] = /^(user|group|mask|other):(\d*):([r-])([w-])([x-])/.exec(line) ?? [];
  if (kind === undefined) return [];
  const bits = (r === "r" ? 4 : 0) | (w === "w" ? 2 : 0) | (x === "x" ? 1 : 0);
  return [{ kind: kind as AclEntry["kind"], ...(id === "" ? {} : { id: Number(id) }), bits }];
}

/** getfacl writes blanks, backslashes and what does not print in octal. */
function unescaped(name: string): string {
  return name.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** `ls -l` puts `+` behind the mode of what has an ACL. */
function parseMarks(text: string, paths: readonly string[]): Acls {
  const lines = text.split("\n");
  return new Map(
    paths.map((path) => {
      const line = lines.find((each) => each.endsWith(` ${path}`));
      if (line === undefined) return [path, unknown("ls does not tell it", "ls")];
      const isMarked = line[10] === "+";
      return [path, isMarked ? unknown("it has an ACL, and getfacl is not installed", "ls") : known([], "ls")];
    }),
  );
}

/** Undefined when the command is not there or does not answer in time; what it could not look at is left out of its output. */
function outputOf(command: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { timeout: timeoutMs, maxBuffer: 4 * 1024 * 1024, env: { ...process.env, LC_ALL: "C" } };
    execFile(command, args, options, (error, stdout) => {
      const isAnswer = error === null || typeof error.code === "number";
      resolve(isAnswer ? stdout : undefined);
    });
  });
}
