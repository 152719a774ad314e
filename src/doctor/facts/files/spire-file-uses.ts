import type { FileSetting } from "../../../spire/settings.js";
import type { Fact } from "../fact.js";
import type { PluginFacts, SpireConfFacts } from "../spire/spire-facts.js";
import type { FileRole, FileUse, LegId, ReaderId } from "./file-facts.js";

/** The files that the plugin's two halves read, and their executables. */
export function spireFileUses(confs: readonly Fact<SpireConfFacts>[]): FileUse[] {
  return confs.flatMap((conf) => {
    const plugin = conf.known && conf.value.is === "parsed" ? conf.value.plugin : undefined;
    return plugin === undefined ? [] : pluginUses(plugin);
  });
}

function pluginUses(plugin: PluginFacts): FileUse[] {
  const reader: ReaderId = plugin.half === "server" ? "server-plugin" : "agent-plugin";
  const { server, agent } = plugin.data.known ? plugin.data.value : {};
  const files = [
    ...tlsUses(reader, "plugin->verifier", server?.tls),
    ...tlsUses(reader, "plugin->registrar", server?.registrar?.tls),
    ...(agent === undefined || agent.useTls === false ? [] : tlsUses(reader, "agent-plugin->agent", agent.tls)),
  ];
  const executable = plugin.executable.known ? [executableUse(reader, plugin, plugin.executable.value.path)] : [];
  return [...executable, ...merged(files)];
}

interface TlsFiles {
  caFile?: FileSetting;
  certFile?: FileSetting;
  keyFile?: FileSetting;
  keyPasswordFile?: FileSetting;
}

function tlsUses(reader: ReaderId, leg: LegId, files: TlsFiles = {}): FileUse[] {
  const { caFile, certFile, keyFile, keyPasswordFile } = files;
  const use = (role: FileRole, file: FileSetting | undefined): FileUse[] => {
    if (file === undefined || file.path === "") return [];
    const { path, key, isDefault, at } = file;
    return [{ reader, role, legs: [leg], end: "client", path, key, isDefault, ...(at === undefined ? {} : { at }) }];
  };
  return [
    use("ca", caFile),
    use("certificate", certFile),
    use("key", keyFile).map((one) => ({ ...one, hasPassword: keyPasswordFile !== undefined })),
    use("password", keyPasswordFile),
  ].flat();
}

function executableUse(reader: ReaderId, { command }: PluginFacts, path: string): FileUse {
  const named = { path, key: "plugin_cmd", isDefault: false, at: command.at };
  return { reader, role: "executable", legs: [], end: "client", ...named };
}

/** The registrar's files are the verifier's unless told otherwise: one use for both legs then. */
function merged(uses: readonly FileUse[]): FileUse[] {
  const isSame = (a: FileUse, b: FileUse) => a.path === b.path && a.key === b.key && a.role === b.role;
  return uses.flatMap((one, i) => {
    if (uses.findIndex((other) => isSame(one, other)) < i) return [];
    const legs = uses.filter((other) => isSame(one, other)).flatMap((other) => other.legs);
    return [{ ...one, legs }];
  });
}
