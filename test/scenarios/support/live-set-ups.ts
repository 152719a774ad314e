import type { FieldReportPki } from "../../../src/peers/pki/field-report-pki.js";
import { type KeylimeWorld, startKeylimeWorld, type WorldOptions } from "../../fakes/keylime-world.js";
import type { Tree } from "./machine-tree.js";
import type { LiveScenario } from "./scenario.js";
import { agentConf, checksumOf, healthy, serverConf, spireConf } from "./set-ups.js";

const command = "/opt/spire/plugins/spire-keylime.cjs";
/** What tells this program's own executable: its schema is in it. */
const executable = "#!/usr/bin/env node\n// keylime_verifier_server_name\n";
const certs = "/etc/keylime/certs";
const ca = `${certs}/ca-complete-chain.crt`;
export const pluginCert = `${certs}/spire-server.crt`;
export const pluginKey = `${certs}/spire-server.key`;

export type Values = Readonly<Record<string, string | undefined>>;

/** Where the services of a machine listen, embedded or real. */
export interface LivePeers {
  readonly agentId: string;
  readonly verifier: { readonly address: { readonly port: number } };
  readonly registrar: {
    readonly httpAddress: { readonly port: number };
    readonly httpsAddress: { readonly port: number };
  };
  readonly agent: { readonly address: { readonly port: number } };
}

/** A machine with this program's plugin pair and the ports of its services; undefined takes a key away. */
export function liveTree(pki: FieldReportPki, world: LivePeers, { server, agent }: LiveChanges = {}): Tree {
  const block = (half: "server" | "agent", values: Values) =>
    spireConf(half, { command, args: ["plugin", half], checksum: checksumOf(executable), data: lines(values) });
  return {
    ...healthy(pki),
    [command]: { text: executable, mode: 0o755 },
    [pluginCert]: pki.plugin.chainPem,
    [pluginKey]: { text: pki.plugin.keyPem, mode: 0o600 },
    [serverConf]: block("server", { ...serverValues(world), ...server }),
    [agentConf]: block("agent", { ...agentValues(world), ...agent }),
  };
}

/** The Go plugin's configuration in such a world. */
export function goServerConf(verifierPort: number): Tree {
  const data = [
    `keylime_verifier_port = "${verifierPort}"`,
    `keylime_tls_ca_cert_file = "${ca}"`,
    `keylime_tls_cert_file = "${pluginCert}"`,
    `keylime_tls_key_file = "${pluginKey}"`,
  ];
  return { [serverConf]: spireConf("server", { data }) };
}

export interface LiveChanges {
  server?: Values;
  agent?: Values;
}

function lines(values: Values): string[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key} = ${JSON.stringify(value)}`],
  );
}

function serverValues({ verifier, registrar }: LivePeers): Values {
  return {
    keylime_verifier_host: "127.0.0.1",
    keylime_verifier_port: String(verifier.address.port),
    keylime_registrar_host: "127.0.0.1",
    keylime_registrar_port: String(registrar.httpsAddress.port),
    keylime_tls_ca_cert_file: ca,
    keylime_tls_cert_file: pluginCert,
    keylime_tls_key_file: pluginKey,
  };
}

function agentValues({ agent }: LivePeers): Values {
  return {
    keylime_agent_host: "127.0.0.1",
    keylime_agent_port: String(agent.address.port),
    keylime_agent_ca_cert_file: ca,
    keylime_agent_client_cert_file: pluginCert,
    keylime_agent_client_key_file: pluginKey,
  };
}

/** The Keylime agent's own file in such a world; `changes` replace options. */
export function agentConfOf({ agent, agentId, registrar }: LivePeers, changes: Values = {}): string {
  const values: Values = {
    uuid: agentId,
    ip: "127.0.0.1",
    port: String(agent.address.port),
    registrar_ip: "127.0.0.1",
    registrar_port: String(registrar.httpAddress.port),
    server_cert: `${certs}/agent.crt`,
    server_key: `${certs}/agent.key`,
    trusted_client_ca: `${certs}/ca.crt`,
    ...changes,
  };
  return ["[agent]", ...lines(values), ""].join("\n");
}

export interface LiveSetUp extends Omit<LiveScenario<KeylimeWorld>, "start" | "tree"> {
  world?: WorldOptions;
  /** What is done to the world before the doctor looks. */
  plant?(world: KeylimeWorld, pki: FieldReportPki): unknown;
  /** What differs in the files. */
  changes?(world: KeylimeWorld): LiveChanges | Promise<LiveChanges>;
  files?(world: KeylimeWorld, pki: FieldReportPki): Tree | Promise<Tree>;
}

/** A live scenario over an embedded Keylime whose node is attested, with what is planted. */
export function liveScenario({
  world: options,
  plant,
  changes,
  files,
  ...answer
}: LiveSetUp): LiveScenario<KeylimeWorld> {
  return {
    ...answer,
    async start(pki) {
      const world = await startKeylimeWorld({ ...options, pki });
      await plant?.(world, pki);
      return world;
    },
    tree: async (pki, world) => [
      liveTree(pki, world, await changes?.(world)),
      ...(files === undefined ? [] : [await files(world, pki)]),
    ],
  };
}
