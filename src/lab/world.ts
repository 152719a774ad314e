import type { KeylimeAgent } from "../peers/agent/keylime-agent.js";
import type { FieldReportPki } from "../peers/pki/field-report-pki.js";
import type { KeylimeAdmin } from "../peers/real/enrolment.js";
import type { SoftwareTpm } from "../peers/tpm/software-tpm.js";
import type { LabFiles } from "./lab-files.js";
import type { LabPorts } from "./lab-ports.js";
import type { Part, Tell } from "./report-schema.js";

export interface WorldOptions {
  files: LabFiles;
  ports: LabPorts;
  /** This program's own executable file. */
  executable: string;
  signal: AbortSignal;
}

/** One machine with Keylime on it and SPIRE beside it: the set-up of the field report, on whichever programs. */
export interface World {
  readonly files: LabFiles;
  readonly ports: LabPorts;
  readonly pki: FieldReportPki;
  readonly agentId: string;
  readonly tpm: SoftwareTpm;
  readonly keylimeAgent: KeylimeAgent;
  /** Verifier and registrar, asked with the report's certificate. */
  readonly keylime: KeylimeAdmin;
  readonly spire: Spire;
  parts(): Part[];
  /** What shows that the verifier was presented this certificate since the last attestation began; undefined if nothing. */
  presented(certificate: { commonName: string; serial: string }): string | undefined;
  /** Commands to try in a lab that was left running. */
  commands(): Command[];
  /** Ends everything that was started. */
  stop(): Promise<void>;
}

export interface Command {
  what: string;
  /** As it is pasted into a shell. */
  command: string;
}

/** Server and agent of SPIRE. What they log and what goes over the wire is told as it happens. */
export interface Spire {
  readonly trustDomain: string;
  /** Loads what stands at plugin_cmd with server.conf as it stands on disk; a server that runs is restarted. */
  loadServer(tell: Tell): Promise<void>;
  /** Has the node attest: for the first time, or anew after the server was told to forget it. */
  attest(tell: Tell): Promise<NodeAttestation>;
  /** The process of the server half, undefined when it has ended. */
  serverPluginPid(): number | undefined;
  agents(): Promise<ListedAgent[]>;
  /** An X.509-SVID for a workload whose entry names these selectors of its node. */
  issueWorkload(spiffeId: string, nodeSelectors: readonly string[]): Promise<WorkloadSvid>;
}

/** Either `spiffeId` or `failure` is there. */
export interface NodeAttestation {
  spiffeId?: string;
  /** `code` is a gRPC status by name, `PERMISSION_DENIED`; the message begins with `nodeattestor(keylime): `. */
  failure?: { code: string; message: string };
}

/** One line of the agent list. */
export interface ListedAgent {
  spiffeId: string;
  attestationType: string;
  selectors: readonly string[];
  canReattest: boolean;
  /** How one gets to see it. */
  source: string;
}

export interface WorkloadSvid {
  spiffeId: string;
  /** Lower-case hex. */
  serial: string;
  /** How it was got. */
  source: string;
}
