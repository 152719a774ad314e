import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/logger.js";
import { Problem } from "../../core/problem.js";
import { type KeylimeAgent, KeylimeAgentClient } from "../../keylime/agent-client.js";
import { agentRole } from "../../keylime/roles.js";
import { HttpClient } from "../../net/http-client.js";
import { type Identity, type IdentityFiles, type IdentityWarning, loadIdentity } from "../../net/identity.js";
import { ReloadingIdentity } from "../../net/reloading-identity.js";
import { parseAgentData } from "../../spire/plugin-data.js";
import type { AgentSettings } from "../../spire/settings.js";

export type Scheme = "https" | "http";

/** Everything one configuration stands for. Replaced as a whole by the next Configure. */
export interface AgentRuntime {
  settings: AgentSettings;
  /** The ways to reach the Keylime agent, in the order to try them; never empty. */
  ways: readonly { scheme: Scheme; agent: KeylimeAgent }[];
  close(): void;
}

/** What Configure and Validate both find out, without any network. */
export interface AgentConfiguration {
  settings: AgentSettings | undefined;
  tls: { files: IdentityFiles; identity: Identity } | undefined;
  problems: Problem[];
  warnings: IdentityWarning[];
}

export interface RuntimeDependencies {
  clock: Clock;
  logger: Logger;
  userAgent: string;
}

/** A Keylime agent on the same machine answers at once or not at all; a TPM quote may take some seconds. */
const connectTimeoutMs = 5000;

/** Reads plugin_data and every file it names, and tells all that is wrong at once. */
export function checkAgentConfiguration(hcl: string, clock: Clock): AgentConfiguration {
  const { settings, understood, problems, warnings } = parseAgentData(hcl);
  const configuration: AgentConfiguration = {
    settings,
    tls: undefined,
    problems: [...problems],
    warnings: warnings.map((problem) => ({ level: "warn", problem })),
  };
  if (settings !== undefined) judgeTrust(settings, configuration);
  // What is wrong with the keys is no reason to keep what is wrong with the files for the next try.
  const files = understood === undefined ? undefined : identityFiles(understood);
  if (files === undefined) return configuration;
  const answer = loadIdentity(files, clock.nowMs());
  configuration.problems.push(...answer.problems);
  configuration.warnings.push(...answer.warnings);
  const tls = answer.identity === undefined ? undefined : { files, identity: answer.identity };
  return { ...configuration, tls };
}

/** Without a CA file nothing says whom to trust: TLS that was asked for must not turn into plain HTTP without a word. */
function judgeTrust({ useTls, tls, origins }: AgentSettings, { problems, warnings }: AgentConfiguration): void {
  if (tls.caFile !== undefined || useTls === false) return;
  const hint = "set keylime_agent_ca_cert_file to the CA of the Keylime agent's certificate";
  const { at } = useTls === true ? origins.keylime_agent_use_tls! : (tls.certFile ?? {});
  const about = { culprit: "configuration", hint, ...(at === undefined ? {} : { at }) } as const;
  if (useTls === true) {
    const message = "keylime_agent_use_tls is true, but keylime_agent_ca_cert_file is not set";
    problems.push(new Problem("plugin-bad-value", message, about));
  } else if (tls.certFile !== undefined) {
    const message = `${tls.certFile.key} has no effect: without keylime_agent_ca_cert_file only plain HTTP is spoken`;
    warnings.push({ level: "warn", problem: new Problem("plugin-bad-value", message, about) });
  }
}

/** Starts what an accepted configuration asks for. */
export function startAgentRuntime(
  settings: AgentSettings,
  tls: AgentConfiguration["tls"],
  { clock, logger, userAgent }: RuntimeDependencies,
): AgentRuntime {
  const identity = tls && new ReloadingIdentity(tls.files, tls.identity, { clock, logger });
  const shared = { host: settings.host, port: settings.port, role: agentRole, connectTimeoutMs, userAgent };
  const agentOver = (scheme: Scheme): KeylimeAgent =>
    new KeylimeAgentClient(
      new HttpClient(scheme === "http" ? shared : { ...shared, identity, serverName: settings.serverName }),
    );
  const ways = schemesToTry(settings, identity !== undefined).map((scheme) => ({ scheme, agent: agentOver(scheme) }));
  return {
    settings,
    ways,
    close() {
      for (const { agent } of ways) agent.close();
      identity?.close();
    },
  };
}

/** `auto` speaks TLS where a CA file says how to trust the answer, and plain HTTP where the Keylime agent has none. */
function schemesToTry({ useTls }: AgentSettings, hasIdentity: boolean): Scheme[] {
  if (useTls === "auto") return hasIdentity ? ["https", "http"] : ["http"];
  return useTls ? ["https"] : ["http"];
}

function identityFiles({ tls, useTls }: AgentSettings): IdentityFiles | undefined {
  if (useTls === false || tls.caFile === undefined) return undefined;
  const { caFile: ca, certFile: cert, keyFile: key } = tls;
  // One without the other has been told as such.
  return cert === undefined || key === undefined ? { ca } : { ca, cert, key };
}
