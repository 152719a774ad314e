import type { SourcePosition } from "../../../core/problem.js";
import type { AgentSettings, ServerSettings } from "../../../spire/settings.js";
import type { Placed } from "../../../spire/spire-conf.js";
import type { Fact } from "../fact.js";

export type SpireHalf = "server" | "agent";

/** A SPIRE configuration file, as far as the plugin needs it. Paths are those of the examined machine. */
export type SpireConfFacts = ParsedSpireConf | BrokenSpireConf;

export interface BrokenSpireConf {
  is: "broken";
  half: SpireHalf;
  file: string;
  flaw: ConfFlaw;
}

export interface ParsedSpireConf {
  is: "parsed";
  half: SpireHalf;
  file: string;
  /** Which of the two the file really configures; undefined with neither block. */
  configures: SpireHalf | undefined;
  trustDomain: Placed<string> | undefined;
  /** What SPIRE would refuse to start with, beyond syntax. */
  flaws: readonly ConfFlaw[];
  /** Every NodeAttestor block, built-in ones too. */
  attestors: readonly AttestorBlock[];
  /** The block of Keylime's plugin; undefined when no enabled block is evidently one. */
  plugin: PluginFacts | undefined;
}

/** Something wrong with a file, as data of a Problem. */
export interface ConfFlaw {
  code: string;
  message: string;
  hint?: string;
  at?: SourcePosition;
}

export interface AttestorBlock {
  name: string;
  at: SourcePosition;
  isEnabled: boolean;
  /** Absent for an attestor that is built into SPIRE. */
  command?: Placed<string>;
}

export type PluginKind = "ours" | "go" | "unknown";

/** The plugin of a block: which program it is and what it will make of its plugin_data. */
export interface PluginFacts {
  half: SpireHalf;
  name: string;
  at: SourcePosition;
  command: Placed<string>;
  args: readonly string[];
  checksum: Placed<string> | undefined;
  executable: Fact<ExecutableFacts>;
  /** Which program it is, and what tells. With `unknown` the data is understood as the Go plugin would. */
  kind: PluginKind;
  kindBecause: string;
  /** It is our own executable, and plugin_args do not end in the half that it is to serve. */
  lacksArgs: boolean;
  /** The keys it understands: by its schema, or as the executable itself names them. Lower case, aliases included. */
  knownKeys: readonly string[];
  data: Fact<PluginDataFacts>;
}

/** `path` is where SPIRE looks for it; a relative plugin_cmd counts from SPIRE's working directory. */
export type ExecutableFacts = ExecutableFile | { is: "unusable"; path: string; why: string };

export interface ExecutableFile {
  is: "file";
  path: string;
  /** Set when plugin_cmd is an interpreter: the file that it runs. */
  script?: string;
  scriptSha256?: string;
  /** Why that file cannot be run. */
  scriptFlaw?: string;
  /** Of `path`, lower-case hex. */
  sha256: string;
  sizeBytes: number;
  /** Permission bits. */
  mode: number;
}

export interface PluginDataFacts {
  /** What the lines count in: the configuration file or the plugin_data_file. */
  file: string;
  /** Every key as written, in its order. */
  keys: readonly WrittenKey[];
  /** What a key stands at when it is not written, for the keys that have a default. */
  defaults: Readonly<Record<string, string>>;
  /** What keeps the plugin from being configured, unknown keys left out: they are in `keys`. */
  problems: readonly ConfFlaw[];
  warnings: readonly ConfFlaw[];
  /** What the server half works with. */
  server?: ServerView;
  /** What the agent half works with. */
  agent?: AgentView;
}

export interface WrittenKey {
  name: string;
  at: SourcePosition;
  /** The plugin's own name for it; undefined when the plugin does not know it. */
  knownAs: string | undefined;
  /** The value of a key that names a host, a port or a file. */
  value?: string;
}

/** The server half's settings that both plugins have; the Go plugin asks no registrar. */
export type ServerView = Pick<ServerSettings, "verifiers" | "verifierServerName" | "tls" | "origins"> & {
  registrar?: ServerSettings["registrar"];
  /** Whether the verifier's certificate is verified: not by the public Go plugin. */
  verifiesServer: boolean;
};

export type AgentView = Pick<AgentSettings, "host" | "port" | "useTls" | "serverName" | "tls" | "origins">;
