import type { FileSetting } from "../../../spire/settings.js";
import type { Fact } from "../fact.js";
import type { PluginFacts, SpireConfFacts } from "../spire/spire-facts.js";
import type { FileRole, FileUse, ReaderId } from "./file-facts.js";

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
  const tls = [server?.tls, server?.registrar?.tls, agent?.tls].filter((each) => each !== undefined);
  const files = tls.flatMap((each) => tlsUses(reader, each));
  const executable = plugin.executable.known ? [executableUse(reader, plugin, plugin.executable.value.path)] : [];
  return [...executable, ...distinct(files)];
}

interface TlsFiles {
  caFile?: FileSetting;
  certFile?: FileSetting;
  keyFile?: FileSetting;
  keyPasswordFile?: FileSetting;
}

function tlsUses(reader: ReaderId, { caFile, certFile, keyFile, keyPasswordFile }: TlsFiles): FileUse[] {
  return [
    use(reader, "ca", caFile),
    use(reader, "certificate", certFile),
    use(reader, "key", keyFile).map((one) => ({ ...one, hasPassword: keyPasswordFile !== undefined })),
    use(reader, "password", keyPasswordFile),
  ].flat();
}

function use(reader: ReaderId, role: FileRole, file: FileSetting | undefined): FileUse[] {
  if (file === undefined || file.path === "") return [];
  const { path, key, isDefault, at } = file;
  return [{ reader, role, path, key, isDefault, ...(at === undefined ? {} : { at }) }];
}

function executableUse(reader: ReaderId, { command }: PluginFacts, path: string): FileUse {
  return { reader, role: "executable", path, key: "plugin_cmd", isDefault: false, at: command.at };
}

/** The registrar's files are the verifier's unless told otherwise. */
function distinct(uses: readonly FileUse[]): FileUse[] {
  return uses.filter((one, i) => uses.findIndex((other) => sameUse(one, other)) === i);
}

const sameUse = (a: FileUse, b: FileUse): boolean => a.path === b.path && a.key === b.key && a.role === b.role;
