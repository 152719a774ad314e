import { settleAgentOption } from "../../../keylime/config/agent-config.js";
import type { SettledOption } from "../../../keylime/config/component-config.js";
import type { KeylimeTls, TlsFile, TlsIdentity, TlsTrust } from "../../../keylime/config/tls-settings.js";
import type { KeylimeAgentFacts, KeylimeFacts } from "../keylime/keylime-facts.js";
import type { FileRole, FileUse, LegId, ReaderId } from "./file-facts.js";

type Ini = "verifier" | "registrar" | "tenant";

/** The legs that a component's two sides serve. */
const legs: Record<Ini, Record<"client" | "server", readonly LegId[]>> = {
  verifier: { server: ["plugin->verifier", "tenant->verifier"], client: ["verifier->agent"] },
  registrar: { server: ["plugin->registrar", "tenant->registrar"], client: [] },
  tenant: { server: [], client: ["tenant->verifier", "tenant->registrar"] },
};

/** The TLS files that Keylime's services name, or that count by their defaults. */
export function keylimeFileUses(facts: KeylimeFacts): FileUse[] {
  const ini = (["verifier", "registrar", "tenant"] as const).flatMap((reader) => {
    const config = facts[reader];
    return config.known ? componentUses(reader, config.value.tls) : [];
  });
  return [...ini, ...(facts.agent.known ? agentUses(facts.agent.value) : [])];
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

/** Without mutual TLS the agent reads none of them. What is missing of its own it makes for itself. */
function agentUses({ config, tls }: KeylimeAgentFacts): FileUse[] {
  if (!/^true$/i.test(settleAgentOption(config, "enable_agent_mtls").value)) return [];
  const hasPassword = settleAgentOption(config, "server_key_password").value !== "";
  const use = (role: FileRole, path: string, name: "server_cert" | "server_key" | "trusted_client_ca"): FileUse => {
    const option = settleAgentOption(config, name);
    const at = option.source === undefined ? undefined : positionOf({ source: option.source });
    const isDefault = option.source === undefined || option.value === "default";
    const reader: ReaderId = "keylime-agent";
    const place = { reader, end: "server" as const, legs: agentLegs, role, path, key: name, isDefault };
    return { ...place, ...(at === undefined ? {} : { at }) };
  };
  return [
    { ...use("certificate", tls.serverCert, "server_cert"), isMadeByReader: true },
    { ...use("key", tls.serverKey, "server_key"), isMadeByReader: true, hasPassword },
    ...tls.trustedClientCa.map((path) => use("ca", path, "trusted_client_ca")),
  ];
}
