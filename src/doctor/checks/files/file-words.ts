import type { FileFacts, FileState, FileUse, Identified, ReaderId } from "../../facts/files/file-facts.js";
import type { Evidence } from "../check.js";

const readers: Record<ReaderId, { name: string; service: string }> = {
  "server-plugin": { name: "the server plugin", service: "the SPIRE server" },
  "agent-plugin": { name: "the agent plugin", service: "the SPIRE agent" },
  verifier: { name: "the verifier", service: "the verifier" },
  registrar: { name: "the registrar", service: "the registrar" },
  tenant: { name: "the tenant", service: "keylime_tenant" },
  "keylime-agent": { name: "the Keylime agent", service: "the Keylime agent" },
};

export const readerName = (reader: ReaderId): string => readers[reader].name;

/** What is restarted for a change to count. */
export const serviceName = (reader: ReaderId): string => readers[reader].service;

/** Without the tenant nodes still attest; they are enrolled by hand or were before. */
export const stopsAttestation = ({ reader }: Pick<FileUse, "reader">): boolean => reader !== "tenant";

/** Where a file is named, or whose default it is. */
export function useEvidence(use: FileUse): Evidence {
  if (use.isDefault) return { text: `${use.key} of ${readerName(use.reader)} is not set: its default is ${use.path}` };
  return { text: `${use.key} = ${JSON.stringify(use.path)}`, ...use.at };
}

export function modeText(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** `root:spire` */
export function ownerText({ owner, group }: { owner: Identified; group: Identified }): string {
  return `${accountName(owner)}:${accountName(group)}`;
}

export const accountName = ({ id, name }: Identified): string => name ?? String(id);

export type RegularState = Exclude<FileState, { is: "missing" }>;

/** The state of what is there; undefined for what is missing or could not be looked at. */
export function stateOf({ state }: FileFacts): RegularState | undefined {
  return state.known && state.value.is !== "missing" ? state.value : undefined;
}

/** `a file of owner root:root, mode 0640` */
export function stateEvidence(file: FileFacts): Evidence[] {
  const state = stateOf(file);
  if (state === undefined) return [];
  const link = state.realPath === file.path ? "" : `, which is a link to ${state.realPath}`;
  const text = `${file.path}${link}: owner ${ownerText(state)}, mode ${modeText(state.mode)}`;
  return [{ text, file: file.path }];
}
