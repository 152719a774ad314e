import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { type Fact, known, unknown } from "../fact.js";
import { type Machine, whyUnreadable } from "../machine.js";
import type { ExecutableFacts, PluginKind, SpireHalf } from "./spire-facts.js";

/** What a look at an executable tells. */
export interface Inspected {
  executable: Fact<ExecutableFacts>;
  kind: PluginKind;
  kindBecause: string;
  lacksArgs: boolean;
  /** HCL keys that a Go executable names in its struct tags. */
  executableKeys: readonly string[];
}

export interface ExecutableQuestion {
  /** Absolute, of the examined machine. */
  command: string;
  args: readonly string[];
  half: SpireHalf;
}

const largestBytes = 256 * 1024 * 1024;

/** Reads a plugin's executable and tells which plugin it is: by its contents, otherwise by how it is called. */
export async function inspectExecutable(machine: Machine, question: ExecutableQuestion): Promise<Inspected> {
  const { command, args, half } = question;
  const script = scriptOf(question);
  const read = await readExecutable(machine, command);
  const content = script === undefined ? read : await readExecutable(machine, script);
  const executable = script === undefined ? read.fact : withScript(read.fact, script, content.fact);
  const byContent = content.marks === undefined ? undefined : kindByContent(content.marks, script ?? command, half);
  const byCall = kindByCall(command, args, half);
  return {
    executable,
    ...(byContent ?? byCall),
    lacksArgs: content.marks !== undefined && isOurs(content.marks) && !namesHalf(args, half),
    executableKeys: byContent?.kind === "go" ? content.marks!.hclKeys : [],
  };
}

/** `plugin block --node` starts the executable through Node: `node -e <script> <file> <checksum> plugin server`. */
function scriptOf({ command, args, half }: ExecutableQuestion): string | undefined {
  if (!/^node(js)?(-?\d+)?$/.test(basename(command))) return undefined;
  const end = args.length - (namesHalf(args, half) ? 2 : 0);
  return args.slice(0, end).find((arg) => arg.startsWith("/"));
}

const namesHalf = (args: readonly string[], half: SpireHalf): boolean =>
  args.at(-2) === "plugin" && args.at(-1) === half;

const isOurs = ({ isOurs: hasSchema, isCompiled }: Marks): boolean => hasSchema && !isCompiled;

function withScript(
  fact: Fact<ExecutableFacts>,
  script: string,
  content: Fact<ExecutableFacts>,
): Fact<ExecutableFacts> {
  if (!fact.known || fact.value.is !== "file") return fact;
  const told = content.known ? content.value : undefined;
  const more = told === undefined ? {} : told.is === "file" ? { scriptSha256: told.sha256 } : { scriptFlaw: told.why };
  return known({ ...fact.value, script, ...more }, fact.source);
}

interface Marks {
  /** Our own schema is in it: no other plugin knows keylime_verifier_server_name. */
  isOurs: boolean;
  isCompiled: boolean;
  /** The half that a wrapper script's `exec` starts of ours. */
  wraps: SpireHalf | undefined;
  hclKeys: readonly string[];
}

function kindByContent(
  marks: Marks,
  path: string,
  half: SpireHalf,
): Pick<Inspected, "kind" | "kindBecause"> | undefined {
  if (marks.wraps === half) {
    return {
      kind: "ours",
      kindBecause: `${path} is a script whose exec ends in plugin ${half}, as spire-keylime's does`,
    };
  }
  if (isOurs(marks)) return { kind: "ours", kindBecause: `${path} is spire-keylime's executable` };
  if (marks.isCompiled && marks.hclKeys.some((key) => key.startsWith("keylime_"))) {
    return { kind: "go", kindBecause: `${path} is the Go plugin, by the keys in its code` };
  }
  return undefined;
}

function kindByCall(
  command: string,
  args: readonly string[],
  half: SpireHalf,
): Pick<Inspected, "kind" | "kindBecause"> {
  if (namesHalf(args, half)) {
    return { kind: "ours", kindBecause: `plugin_args end in "plugin", "${half}", as spire-keylime's do` };
  }
  if (/keylime[-_]attestor/.test(basename(command))) {
    return { kind: "go", kindBecause: `${basename(command)} is what the Go plugin is called` };
  }
  return { kind: "unknown", kindBecause: `${command} could not be told from its contents or its name` };
}

interface ReadExecutable {
  fact: Fact<ExecutableFacts>;
  marks?: Marks;
}

async function readExecutable(machine: Machine, path: string): Promise<ReadExecutable> {
  const located = machine.locate(path);
  const source = machine.nameOf(path);
  try {
    const stats = await stat(located);
    if (!stats.isFile()) return { fact: unusable(source, "it is no file") };
    if (stats.size > largestBytes) return { fact: unknown("it is larger than 256 MiB", source) };
    const scanner = new MarkScanner();
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(located) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      scanner.add(chunk);
    }
    const mode = stats.mode & 0o7777;
    const sha256 = hash.digest("hex");
    const fact = known({ is: "file" as const, path: source, sha256, sizeBytes: stats.size, mode }, source);
    return { fact, marks: scanner.marks() };
  } catch (error) {
    const isMissing = ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
    if (!isMissing) return { fact: unknown(whyUnreadable(error), source) };
    const isProven = await machine.isMissingProven(path);
    return { fact: isProven ? unusable(source, "no such file") : unknown("it is not part of the copy", source) };
  }
}

const unusable = (path: string, why: string): Fact<ExecutableFacts> => known({ is: "unusable", path, why }, path);

/** Looks for what tells the plugins apart while the bytes stream by. */
class MarkScanner {
  private isFirst = true;
  private isCompiled = false;
  private isOurs = false;
  private wraps: SpireHalf | undefined;
  private tail = "";
  private readonly keys = new Set<string>();

  add(chunk: Buffer): void {
    // Latin-1 keeps one character per byte; the overlap is longer than any mark.
    const text = this.tail + chunk.toString("latin1");
    if (this.isFirst) this.isCompiled = isCompiledProgram(chunk);
    if (this.isFirst) this.wraps = wrappedHalf(text);
    this.isFirst = false;
    this.isOurs ||= text.includes("keylime_verifier_server_name");
    // A Go struct's tags are in the executable as they were written.
    if (this.isCompiled) for (const [, key] of text.matchAll(/hcl:"([A-Za-z0-9_]{1,80})"/g)) this.keys.add(key!);
    this.tail = text.slice(-128);
  }

  marks(): Marks {
    const hclKeys = [...this.keys].filter((key) => /^(keylime|tpm)_/.test(key)).sort();
    return { isOurs: this.isOurs, isCompiled: this.isCompiled, wraps: this.wraps, hclKeys };
  }
}

/** Only a shell's script has a line that begins with `exec` and ends in the plugin's arguments. */
function wrappedHalf(start: string): SpireHalf | undefined {
  if (!/^#!\S*\/(env\s+)?\w*sh\b/.test(start)) return undefined;
  return /^\s*exec\s.*\splugin\s+(server|agent)(?:\s+"\$@")?\s*$/m.exec(start)?.[1] as SpireHalf | undefined;
}

/** ELF, Mach-O (either byte order, universal) or PE. */
function isCompiledProgram(start: Buffer): boolean {
  const magic = start.subarray(0, 4).toString("hex");
  return ["7f454c46", "cffaedfe", "feedfacf", "cafebabe"].includes(magic) || magic.startsWith("4d5a");
}
