import { type Diagnosis, diagnose } from "../../../src/doctor/diagnose.js";
import type { DoctorOptions } from "../../../src/doctor/options.js";
import type { KeylimeAgent } from "../../../src/peers/agent/keylime-agent.js";
import { type LiveChanges, type LivePeers, liveTree } from "../../scenarios/support/live-set-ups.js";
import { type Tree, writeTree } from "../../scenarios/support/machine-tree.js";
import type { AttestingNode } from "./attesting-node.js";

/** What differs from a machine on which everything is in order. */
export interface Examination {
  /** The Keylime agent that the agent plugin asks; the node's own without. */
  agent?: KeylimeAgent;
  changes?: LiveChanges;
  files?: Tree;
  options?: Partial<DoctorOptions>;
}

function peersOf({ keylime: { ports } }: AttestingNode, agent: KeylimeAgent): LivePeers {
  return {
    agentId: agent.agentId,
    verifier: { address: { port: ports.verifier } },
    registrar: { httpAddress: { port: ports.registrarHttp }, httpsAddress: { port: ports.registrarTls } },
    agent,
  };
}

/** Examines the copy of a machine whose plugin pair asks a real Keylime. */
export async function examine(node: AttestingNode, examination: Examination = {}): Promise<Diagnosis> {
  const { agent = node.keylimeAgent, changes, files = {}, options } = examination;
  await using tree = await writeTree(liveTree(node.pki, peersOf(node, agent), changes), files);
  const given = { root: tree.root, offline: false, only: [], skip: [], timeoutMs: 1500, nowMs: Date.now() };
  return await diagnose({ ...given, ...options });
}

/** Ids of all causes in their order. */
export function causesOf({ ranked }: Diagnosis): string[] {
  return ranked.filter(({ finding }) => finding.stopsAttestation).map(({ id }) => id);
}
