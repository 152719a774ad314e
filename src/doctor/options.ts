import type { FaultId } from "../faults/faults.js";

/** What the operator asked for. */
export interface DoctorOptions {
  /** Every absolute path of the examined machine lies below it; undefined: this machine. */
  root?: string;
  /** SPIRE's files; looked for where undefined. */
  serverConfig?: string;
  agentConfig?: string;
  /** Keylime's files, in place of where its services look. */
  verifierConfig?: string;
  registrarConfig?: string;
  tenantConfig?: string;
  keylimeAgentConfig?: string;
  /** Label of the plugin's blocks; undefined: the one that is evidently Keylime's. */
  pluginName?: string;
  /** Variables for SPIRE's -expandEnv; the files are taken as they are without. */
  expandEnv?: NodeJS.ProcessEnv;
  /** Name or number of the user whose rights count, in place of the one that runs the service. */
  asUser?: string;
  /** Make no connection at all. */
  offline: boolean;
  /** Start the configured server plugin, to see what it presents. */
  rehearse?: boolean;
  /** Checks to run; empty: all. */
  only: readonly FaultId[];
  skip: readonly FaultId[];
  /** For each step over the network. */
  timeoutMs: number;
  nowMs: number;
  signal?: AbortSignal;
}
