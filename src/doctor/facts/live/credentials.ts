import { dirname } from "node:path";
import { loadCandidates } from "../../../probe/load-candidates.js";
import type { Stack } from "../../../probe/stack.js";
import { goPluginKeys } from "../../../spire/schema.js";
import type { ClientTlsFiles, FileSetting } from "../../../spire/settings.js";
import type { CredentialPlan } from "../endpoints/endpoint-plan.js";
import type { KeylimeFacts } from "../keylime/keylime-facts.js";
import type { Machine } from "../machine.js";
import type { PluginDataFacts, PluginFacts } from "../spire/spire-facts.js";

/** More of them than anybody keeps beside each other; each costs a connection. */
const mostCandidates = 5;

interface PairPaths {
  cert: string;
  key: string;
  password?: string | undefined;
}

export function credentialPlan(
  label: CredentialPlan["label"],
  { cert, key, password }: PairPaths,
  stack: Stack,
  machine: Machine,
): CredentialPlan {
  const keyPassword = password === undefined ? undefined : machine.locate(password);
  const files = { cert: machine.locate(cert), key: machine.locate(key), keyPassword };
  return { label, name: machine.nameOf(cert), files, stack };
}

export interface PluginContext {
  plugin: PluginFacts;
  data: PluginDataFacts;
  /** What Keylime's own programs present to the same service. */
  keylime: readonly CredentialPlan[];
  machine: Machine;
}

/** What the server half presents, then what else lies at hand: each certificate once. */
export function pluginCredentials(context: PluginContext, tls: ClientTlsFiles): CredentialPlan[] {
  const { plugin, keylime, machine } = context;
  const { certFile, keyFile, keyPasswordFile, caFile } = tls;
  const files = { cert: certFile.path, key: keyFile.path, password: keyPasswordFile?.path };
  const configured = credentialPlan("configured", files, stackOf(plugin), machine);
  const others = [
    ...misspeltCredentials(context),
    ...(plugin.kind === "ours" ? [] : [goDefault(machine)]),
    ...keylime,
    ...neighbours([certFile, caFile], machine),
  ];
  return distinct([configured, ...others]).slice(0, 1 + mostCandidates);
}

export function distinct(plans: readonly CredentialPlan[]): CredentialPlan[] {
  return plans.filter((each, at) => plans.findIndex(({ files }) => files.cert === each.files.cert) === at);
}

function goDefault(machine: Machine): CredentialPlan {
  const { keylime_tls_cert_file: cert, keylime_tls_key_file: key } = goPluginKeys.server;
  return credentialPlan("go-default", { cert, key }, "go", machine);
}

/** What keys that the plugin does not know name is what the operator meant to present. */
function misspeltCredentials({ plugin, data, machine }: PluginContext): CredentialPlan[] {
  const unknown = data.keys.filter(({ knownAs, value }) => knownAs === undefined && value !== undefined);
  const cert = unknown.find(({ name }) => /cert/i.test(name) && !/ca_/i.test(name))?.value;
  const key = unknown.find(({ name }) => /key_?(file)?$/i.test(name))?.value;
  if (cert === undefined || key === undefined) return [];
  return [credentialPlan("candidate", { cert, key }, stackOf(plugin), machine)];
}

/** Certificates with their keys in the folders of the configured files. */
function neighbours(files: readonly FileSetting[], machine: Machine): CredentialPlan[] {
  const folders = [...new Set(files.map(({ path }) => dirname(path)))];
  return folders.flatMap((folder) => {
    try {
      return loadCandidates(machine.locate(folder), undefined).candidates.map(({ name, keyPath }) =>
        credentialPlan("candidate", { cert: name, key: keyPath }, "go", machine),
      );
    } catch {
      return [];
    }
  });
}

/** What Keylime's own programs present as clients; a key with a password is left out, since the facts do not have it. */
export function keylimeCredentials(
  keylime: Pick<KeylimeFacts, "verifier" | "tenant">,
  machine: Machine,
): CredentialPlan[] {
  return (["verifier", "tenant"] as const).flatMap((label) => {
    const service = keylime[label];
    const { cert, key, hasKeyPassword } = (service.known ? service.value.tls.client : undefined) ?? {};
    if (cert?.path === undefined || key?.path === undefined || hasKeyPassword === true) return [];
    return [credentialPlan(label, { cert: cert.path, key: key.path }, "openssl", machine)];
  });
}

export const stackOf = ({ kind }: PluginFacts): Stack => (kind === "ours" ? "node" : "go");
