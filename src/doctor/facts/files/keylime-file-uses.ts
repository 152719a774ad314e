import { type AgentConfig, settleAgentOption } from "../../../keylime/config/agent-config.js";
import type { SettledOption } from "../../../keylime/config/component-config.js";
import type { KeylimeTls, TlsFile, TlsIdentity, TlsTrust } from "../../../keylime/config/tls-settings.js";
import type { KeylimeAgentFacts, KeylimeFacts } from "../keylime/keylime-facts.js";
import { pushModeOption } from "../keylime/push-mode.js";
import type { FileRole, FileUse, LegId } from "./file-facts.js";

type Ini = "verifier" | "registrar" | "tenant";

/** The legs that a component's two sides serve. */
const legs: Record<Ini, Record<"client" | "server", readonly LegId[]>> = {
  verifier: { server: ["plugin->verifier", "tenant->verifier", "push-agent->verifier"], client: ["verifier->agent"] },
  registrar: { server: ["plugin->registrar", "tenant->registrar"], client: [] },
  tenant: { server: [], client: ["tenant->verifier", "tenant->registrar"] },
};

/** The TLS files that Keylime's services name, or that count by their defaults. */
export function keylimeFileUses(facts: KeylimeFacts): FileUse[] {
  const ini = (["verifier", "registrar", "tenant"] as const).flatMap((reader) => {
    const config = facts[reader];
    return config.known ? componentUses(reader, config.value.tls) : [];
  });
  if (!facts.agent.known) return ini;
  return [
    ...ini,
    ...(pushModeOption(facts) !== undefined ? pushAgentUses(facts.agent.value) : agentUses(facts.agent.value)),
  ];
}

function componentUses(reader: Ini, tls: KeylimeTls): FileUse[] {
  const { server, client, trustedClientCa, trustedServerCa, dir } = tls;
  const isMade = dir.option?.value === "generate";
  const side = (end: "client" | "server", own: TlsIdentity | undefined, trust: TlsTrust | undefined): FileUse[] => {
    const place = { reader, end, legs: legs[reader][end] } as const;
    return [...identityUses(place, own, end), ...trustUses(place, trust, end)].map((use) =>
      isMade ? { ...use, isMadeByReader: true } : use,
    );
  };
  return [...side("server", server, trustedClientCa), ...side("client", client, trustedServerCa)];
}

type Place = Pick<FileUse, "reader" | "end" | "legs">;

function identityUses(place: Place, own: TlsIdentity | undefined, end: string): FileUse[] {
  if (own === undefined) return [];
  return [
    ...fileUse(place, "certificate", own.cert, `${end}_cert`),
    ...fileUse(place, "key", own.key, `${end}_key`).map((use) => ({ ...use, hasPassword: own.hasKeyPassword })),
  ];
}

function trustUses(place: Place, trust: TlsTrust | undefined, end: string): FileUse[] {
  const key = end === "server" ? "trusted_client_ca" : "trusted_server_ca";
  return (trust?.files ?? []).map((path) => named(place, "ca", path, key, trust!.option));
}

function fileUse(place: Place, role: FileRole, { option, path }: TlsFile, key: string): FileUse[] {
  return path === undefined ? [] : [named(place, role, path, key, option)];
}

function named(place: Place, role: FileRole, path: string, key: string, option: SettledOption | undefined): FileUse {
  const isDefault = option === undefined || option.value === "default";
  const at = option === undefined ? undefined : positionOf(option);
  return { ...place, role, path, key, isDefault, ...(at === undefined ? {} : { at }) };
}

function positionOf({ source }: Pick<SettledOption, "source">) {
  return source.kind === "file" ? { file: source.file, line: source.line, column: source.column } : undefined;
}

const agentLegs: readonly LegId[] = ["agent-plugin->agent", "verifier->agent"];

type AgentOption = "server_cert" | "server_key" | "trusted_client_ca" | "verifier_tls_ca_cert";

/** Without mutual TLS the agent reads none of them. What is missing of its own it makes for itself. */
function agentUses({ config, tls }: KeylimeAgentFacts): FileUse[] {
  if (!/^true$/i.test(settleAgentOption(config, "enable_agent_mtls").value)) return [];
  const place: Place = { reader: "keylime-agent", end: "server", legs: agentLegs };
  return [
    { ...agentUse(place, config, "certificate", "server_cert", tls.serverCert), isMadeByReader: true },
    { ...agentUse(place, config, "key", "server_key", tls.serverKey), isMadeByReader: true, ...passwordOf(config) },
    ...tls.trustedClientCa.map((path) => agentUse(place, config, "ca", "trusted_client_ca", path)),
  ];
}

/** In push mode it serves nothing and calls the verifier; its HTTP client read the key until it authenticated by token. */
function pushAgentUses({ config, tls }: KeylimeAgentFacts): FileUse[] {
  const place: Place = { reader: "keylime-agent", end: "client", legs: ["push-agent->verifier"] };
  const key = agentUse({ ...place, legs: [] }, config, "key", "server_key", tls.serverKey);
  return [
    {
      ...key,
      isMadeByReader: true,
      ...passwordOf(config),
      pkcs8Only: "the HTTP client of push mode takes PKCS#8 only",
    },
    agentUse(place, config, "ca", "verifier_tls_ca_cert", tls.verifierTlsCaCert),
  ];
}

function agentUse(place: Place, config: AgentConfig, role: FileRole, key: AgentOption, path: string): FileUse {
  const { value, source } = settleAgentOption(config, key);
  const at = source === undefined ? undefined : positionOf({ source });
  const isDefault = source === undefined || value === "default";
  return { ...place, role, path, key, isDefault, ...(at === undefined ? {} : { at }) };
}

function passwordOf(config: AgentConfig): { hasPassword: boolean } {
  return { hasPassword: settleAgentOption(config, "server_key_password").value !== "" };
}
