import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { errorText, Problem } from "../../core/problem.js";
import { quoteHcl } from "../../formats/hcl/quote.js";
import { agentKeys, serverKeys } from "../../spire/schema.js";
import { pluginName } from "../../spire/spiffe-id.js";
import { exitCodes, type Io } from "../io.js";
import type { PluginBlockReport } from "./plugin-block-report.js";

export interface PluginBlockOptions {
  half: "server" | "agent";
  /** The executable as SPIRE will see it; the running one when not given. */
  executable?: string;
  /** Start it through this Node by absolute path. */
  node?: boolean;
  /** One JSON document instead of HCL. */
  json?: boolean;
}

export interface PluginBlock {
  half: "server" | "agent";
  /** Absolute path. */
  executable: string;
  /** SHA-256 of the executable, in hex. */
  checksum: string;
  /** Whether the executable's first line names Node by absolute path, so that no PATH is needed. */
  startsWithoutPath?: boolean;
  /** The Node to start it through, with the SHA-256 of that. */
  node?: { path: string; checksum: string };
  /** Values for `plugin_data` in place of the defaults. */
  data?: Readonly<Record<string, string>>;
}

const commonKeys = {
  server: [
    "keylime_verifier_host",
    "keylime_verifier_port",
    "keylime_registrar_host",
    "keylime_registrar_port",
    "keylime_tls_ca_cert_file",
    "keylime_tls_cert_file",
    "keylime_tls_key_file",
  ],
  agent: ["keylime_agent_host", "keylime_agent_port"],
} as const;

/**
 * What Node runs before the executable in the `--node` form. SPIRE's checksum then covers Node alone, so this compares
 * the executable with its own checksum first, and runs the very bytes it has compared. Arguments: file, checksum, rest.
 */
const checkedStart = [
  "const[f,s,...a]=process.argv.slice(1),b=require('fs').readFileSync(f),m={exports:{}}",
  "if(require('crypto').createHash('sha256').update(b).digest('hex')!==s){console.error('[ERROR] '+f+' does not match the checksum in plugin_args');process.exit(1)}",
  "process.argv=[process.execPath,f,...a]",
  "require('vm').compileFunction(b.toString().replace(/^#!.*/,''),['exports','require','module','__filename','__dirname'],{filename:f})(m.exports,require('module').createRequire(f),m,f,require('path').dirname(f))",
].join(";");

/** The NodeAttestor block to paste into server.conf or agent.conf. */
export function pluginBlockText(block: PluginBlock): string {
  const { command, args, checksum } = startOf(block);
  const lines = [
    `NodeAttestor ${quoteHcl(pluginName)} {`,
    ...startComment(block).map((line) => `    # ${line}`),
    `    plugin_cmd = ${quoteHcl(command)}`,
    `    plugin_args = [${args.map(quoteHcl).join(", ")}]`,
    `    plugin_checksum = ${quoteHcl(checksum)}`,
    "    plugin_data {",
    ...dataLines(block.half, block.data ?? {}).map((line) => `        ${line}`),
    "    }",
    "}",
  ];
  return `${lines.join("\n")}\n`;
}

/** What SPIRE starts, and the checksum of that file. */
function startOf({ half, executable, checksum, node }: PluginBlock): {
  command: string;
  args: string[];
  checksum: string;
} {
  if (node === undefined) return { command: executable, args: ["plugin", half], checksum };
  return {
    command: node.path,
    args: ["-e", checkedStart, executable, checksum, "plugin", half],
    checksum: node.checksum,
  };
}

function reportOf(block: PluginBlock, isExecutable: boolean): PluginBlockReport {
  const { command, args, checksum } = startOf(block);
  return {
    schema: "spire-keylime/plugin-block/v1",
    half: block.half,
    executable: block.executable,
    executable_sha256: block.checksum,
    plugin_cmd: command,
    plugin_args: args,
    plugin_checksum: checksum,
    is_executable: isExecutable,
    needs_path: block.node === undefined && block.startsWithoutPath !== true,
    hcl: pluginBlockText(block),
  };
}

function startComment({ node, startsWithoutPath, half }: PluginBlock): string[] {
  if (node !== undefined) {
    return [
      "Node is started by its absolute path, so SPIRE's environment needs no PATH. plugin_checksum covers Node; the",
      "script in plugin_args compares the executable with the checksum that follows it, and then runs it.",
    ];
  }
  if (startsWithoutPath === true)
    return ["plugin_checksum covers the whole plugin; its first line names Node by absolute path."];
  return [
    "plugin_checksum covers the whole plugin. Its first line finds Node through PATH: when SPIRE's environment has none",
    `(the error is "Failed to read any lines"), use the block that spire-keylime plugin block ${half} --node prints.`,
  ];
}

function dataLines(half: "server" | "agent", data: Readonly<Record<string, string>>): string[] {
  const keys = half === "server" ? serverKeys : agentKeys;
  const defaults = commonKeys[half].map((key) => [key, (keys as Record<string, { default?: unknown }>)[key]?.default]);
  const values = { ...(Object.fromEntries(defaults) as Record<string, string>), ...data };
  const lines = Object.entries(values).map(([key, value]) => `${key} = ${quoteHcl(value)}`);
  return half === "agent" && !("keylime_agent_ca_cert_file" in data) ? [...lines, ...agentMtlsComment] : lines;
}

/** No default fits: the files are where an operator had them issued to. */
const agentMtlsComment = [
  "# A Keylime agent with mutual TLS (enable_agent_mtls = true, its default) takes these as well:",
  '# keylime_agent_ca_cert_file = "/etc/spire/keylime/agent-ca.crt"',
  '# keylime_agent_client_cert_file = "/etc/spire/keylime/client.crt"',
  '# keylime_agent_client_key_file = "/etc/spire/keylime/client.key"',
];

/** Prints the block for an executable; a Problem `spire-plugin-missing` when that cannot be read. */
export async function runPluginBlock(options: PluginBlockOptions, io: Io): Promise<number> {
  const executable = await findExecutable(options.executable);
  const isExecutable = options.node === true || ((await stat(executable)).mode & 0o111) !== 0;
  if (!isExecutable) {
    io.err(`warning: ${executable} is not executable, so SPIRE cannot start it: chmod 0755 it, or use --node\n`);
  }
  const node = options.node === true ? await hashedNode() : undefined;
  const block = {
    half: options.half,
    executable,
    checksum: await sha256(executable),
    startsWithoutPath: await namesAbsoluteInterpreter(executable),
    ...(node === undefined ? {} : { node }),
  };
  io.out(options.json ? `${JSON.stringify(reportOf(block, isExecutable), undefined, 2)}\n` : pluginBlockText(block));
  return exitCodes.ok;
}

async function findExecutable(given: string | undefined): Promise<string> {
  const running = given === undefined;
  const path = running ? (process.argv[1] ?? process.execPath) : resolve(given);
  try {
    // What npm puts on PATH is a link that an upgrade replaces; a path that was given is taken as it is.
    const found = running ? await realpath(path) : path;
    if ((await stat(found)).isFile()) return found;
  } catch (cause) {
    throw missing(path, errorText(cause), cause);
  }
  throw missing(path, "it is no file");
}

async function hashedNode(): Promise<{ path: string; checksum: string }> {
  const path = await realpath(process.execPath);
  return { path, checksum: await sha256(path) };
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path), hash);
  } catch (cause) {
    throw missing(path, errorText(cause), cause);
  }
  return hash.digest("hex");
}

/** False only for a script that looks its interpreter up in PATH: a compiled executable needs none. */
async function namesAbsoluteInterpreter(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(128), 0, 128, 0);
    return !/^#!\s*\/\S*\/env\s/.test(buffer.toString("latin1", 0, bytesRead));
  } finally {
    await file.close();
  }
}

function missing(path: string, why: string, cause?: unknown): Problem {
  return new Problem("spire-plugin-missing", `cannot read the executable ${JSON.stringify(path)}: ${why}`, {
    culprit: "usage",
    cause,
    hint: "name the plugin's file with --executable",
  });
}
