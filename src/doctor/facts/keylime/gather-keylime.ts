import { readdir, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import { agentTls, loadAgentConfig } from "../../../keylime/config/agent-config.js";
import type { ComponentConfig, ConfigFile, IniComponent } from "../../../keylime/config/component-config.js";
import type { ConfigReader } from "../../../keylime/config/config-reader.js";
import { loadComponentConfig } from "../../../keylime/config/load-config.js";
import { type KeylimeTls, tlsSettings } from "../../../keylime/config/tls-settings.js";
import type { DoctorOptions } from "../../options.js";
import { runBounded } from "../bounded.js";
import { type Fact, known, unknown } from "../fact.js";
import { readContent } from "../files/read-content.js";
import type { Machine } from "../machine.js";
import { shownValue } from "../processes/hidden-values.js";
import { gatherPython } from "./gather-python.js";
import type { KeylimeAgentFacts, KeylimeFacts, KeylimeServiceFacts } from "./keylime-facts.js";
import { type ServiceEnvironment, type Starts, serviceEnvironment } from "./service-environment.js";

/** More certificates than anybody keeps beside a service's own. */
const mostNeighbours = 50;

/** Reads the configuration of Keylime's services with the environment they run in. */
export async function gatherKeylime(
  machine: Machine,
  starts: Starts,
  options: Partial<DoctorOptions>,
): Promise<KeylimeFacts> {
  const service = async (component: IniComponent, asked: string | undefined) => {
    const environment = withFile(serviceEnvironment(starts, component, asked), component, asked);
    const python = await gatherPython(machine, `keylime_${component}`, starts);
    return await gatherService(machine, { component, environment, python }, asked);
  };
  const [verifier, registrar, tenant, agent] = await Promise.all([
    service("verifier", options.verifierConfig),
    service("registrar", options.registrarConfig),
    service("tenant", options.tenantConfig),
    gatherAgent(machine, withFile(serviceEnvironment(starts, "agent"), "agent", options.keylimeAgentConfig)),
  ]);
  return { verifier, registrar, tenant, agent };
}

/** A file that the operator names counts as if the service's environment named it. */
function withFile(found: ServiceEnvironment, component: string, file: string | undefined): ServiceEnvironment {
  if (file === undefined) return found;
  return { ...found, values: { ...found.values, [`KEYLIME_${component.toUpperCase()}_CONFIG`]: file } };
}

interface Service {
  component: IniComponent;
  environment: ServiceEnvironment;
  python: KeylimeServiceFacts["python"];
}

async function gatherService(
  machine: Machine,
  { component, environment, python }: Service,
  asked: string | undefined,
): Promise<Fact<KeylimeServiceFacts>> {
  const source = asked ?? `/etc/keylime/${component}.conf`;
  if (asked !== undefined && !(await machine.hasFile(asked))) return unknown("no such file", machine.nameOf(asked));
  const config = await loadComponentConfig(component, readerOf(machine), environment.values);
  if (config.files.length === 0) return unknown(`there is no ${component}.conf`, source);
  const tls = tlsSettings(config);
  return known(
    {
      config: withoutSecrets(config),
      tls,
      environmentFrom: environment.from,
      python,
      modifiedMs: await modified(machine, config.files),
      trusted: await certificatesIn(machine, tls.trustedClientCa?.files ?? []),
      unnamed: await unnamedCertificates(machine, tls),
    },
    config.files.map(({ path }) => path).join(", "),
  );
}

async function gatherAgent(machine: Machine, environment: ServiceEnvironment): Promise<Fact<KeylimeAgentFacts>> {
  const config = await loadAgentConfig(readerOf(machine), environment.values);
  if (config.files.length === 0) return unknown("there is no agent.conf", "/etc/keylime/agent.conf");
  const tls = agentTls(config);
  const shown = { ...config, files: config.files.map(fileWithoutSecrets), environment: shownEnvironment(config) };
  const source = config.files.map(({ path }) => path).join(", ");
  return known({ config: shown, tls, environmentFrom: environment.from }, source);
}

function readerOf(machine: Machine): ConfigReader {
  return {
    async readFile(path) {
      if (!(await machine.hasFile(path))) return { is: "absent" };
      const text = await machine.readText(path);
      return text.known ? { is: "text", text: text.value } : { is: "unreadable", reason: text.reason };
    },
    async listFiles(directory) {
      const entries = await readdir(machine.locate(directory)).catch(() => []);
      const files = await Promise.all(
        entries.map(async (name) => ((await machine.hasFile(join(directory, name))) ? [name] : [])),
      );
      return files.flat();
    },
  };
}

function withoutSecrets(config: ComponentConfig): ComponentConfig {
  return { ...config, files: config.files.map(fileWithoutSecrets), environment: shownEnvironment(config) };
}

function shownEnvironment({ environment }: { environment: Readonly<Record<string, string>> }): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, shownValue(name, value)]));
}

function fileWithoutSecrets(file: ConfigFile): ConfigFile {
  const { content } = file;
  if (content.is !== "read") return file;
  const shown = <T extends { name: string; value: string }>(option: T): T => {
    return { ...option, value: shownValue(option.name, option.value) };
  };
  const sections = content.sections.map((section) => ({ ...section, options: section.options.map(shown) }));
  return { ...file, content: { ...content, sections, commented: content.commented.map(shown) } };
}

async function modified(machine: Machine, files: readonly ConfigFile[]): Promise<Record<string, number>> {
  const times = await Promise.all(
    files.map(async ({ path }): Promise<[string, number][]> => {
      const stats = await stat(machine.locate(path)).catch(() => undefined);
      return stats === undefined ? [] : [[path, stats.mtimeMs]];
    }),
  );
  return Object.fromEntries(times.flat());
}

async function certificatesIn(machine: Machine, files: readonly string[]): Promise<KeylimeServiceFacts["trusted"]> {
  const contents = await runBounded(
    8,
    files.map((file) => async () => ({ file, content: await readContent(machine, file) })),
  );
  return contents.flatMap(({ file, content }) =>
    content.known ? content.value.certificates.map((certificate) => ({ file, certificate })) : [],
  );
}

/** What lies in tls_dir and is neither the service's own nor what it trusts. */
async function unnamedCertificates(machine: Machine, tls: KeylimeTls): Promise<KeylimeServiceFacts["unnamed"]> {
  const directory = tls.dir.path;
  if (directory === undefined) return [];
  const own = [tls.server?.cert.path, tls.client?.cert.path, ...(tls.trustedClientCa?.files ?? [])];
  const named = new Set([...own, ...(tls.trustedServerCa?.files ?? [])]);
  const entries = await readdir(machine.locate(directory)).catch(() => []);
  const files = entries
    .filter((name) => /\.(crt|cer|pem|cert)$/i.test(name))
    .map((name) => posix.join(directory, name))
    .filter((path) => !named.has(path))
    .sort()
    .slice(0, mostNeighbours);
  return await certificatesIn(machine, files);
}
