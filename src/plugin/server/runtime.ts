import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/logger.js";
import { Problem } from "../../core/problem.js";
import { type Registrar, RegistrarClient } from "../../keylime/registrar-client.js";
import { registrarRole, verifierRole } from "../../keylime/roles.js";
import { type Verifier, VerifierClient } from "../../keylime/verifier-client.js";
import { VerifierPool } from "../../keylime/verifier-pool.js";
import { HttpClient } from "../../net/http-client.js";
import { type Identity, type IdentityFiles, type IdentityWarning, loadIdentity } from "../../net/identity.js";
import { ReloadingIdentity } from "../../net/reloading-identity.js";
import type { PluginConfiguration } from "../../plugin-sdk/index.js";
import { parseServerData } from "../../spire/plugin-data.js";
import type { ClientTlsFiles, ServerSettings } from "../../spire/settings.js";
import { trustDomainFlaw } from "../../spire/spiffe-id.js";

/** Everything one configuration stands for. Replaced as a whole by the next Configure. */
export interface ServerRuntime {
  trustDomain: string;
  settings: ServerSettings;
  verifier: Verifier;
  registrar: Registrar;
  /** Ends connections and watches once the attestations that use them are done. */
  close(): void;
}

export interface RuntimeDependencies {
  clock: Clock;
  logger: Logger;
  userAgent: string;
}

/** What Configure and Validate both find out, without any network. */
export interface ServerConfiguration {
  settings: ServerSettings | undefined;
  identities: ReadonlyMap<string, { files: IdentityFiles; identity: Identity }>;
  problems: Problem[];
  warnings: IdentityWarning[];
}

/** Reads plugin_data and every file it names, and tells all that is wrong at once. */
export function checkServerConfiguration({ hcl, trustDomain }: PluginConfiguration, clock: Clock): ServerConfiguration {
  const { settings, understood, problems, warnings } = parseServerData(hcl);
  const configuration: ServerConfiguration = {
    settings,
    identities: new Map(),
    problems: [...trustDomainProblems(trustDomain), ...problems],
    warnings: warnings.map((problem) => ({ level: "warn", problem })),
  };
  const identities = new Map<string, { files: IdentityFiles; identity: Identity }>();
  // A default may stand for a key that was misspelt: its file is judged once the keys are right.
  const legs = settings === undefined ? legsOf(understood).filter(namesEveryFile) : legsOf(settings);
  for (const tls of legs) {
    const files = identityFiles(tls);
    const key = identityKey(tls);
    if (identities.has(key)) continue;
    const answer = loadIdentity(files, clock.nowMs());
    // Legs that share a file share what is wrong with it.
    configuration.problems.push(...answer.problems.filter((each) => !isTold(each, configuration.problems)));
    configuration.warnings.push(...answer.warnings.filter((each) => !isWarned(each, configuration.warnings)));
    if (answer.identity !== undefined) identities.set(key, { files, identity: answer.identity });
  }
  return { ...configuration, identities };
}

const isTold = ({ code, message }: Problem, told: readonly Problem[]): boolean =>
  told.some((each) => each.code === code && each.message === message);

const isWarned = ({ problem }: IdentityWarning, warnings: readonly IdentityWarning[]): boolean =>
  isTold(
    problem,
    warnings.map((each) => each.problem),
  );

/** Without this every attestation would fail for want of a SPIFFE ID. */
function trustDomainProblems(trustDomain: string): Problem[] {
  const flaw = trustDomainFlaw(trustDomain);
  if (flaw === undefined) return [];
  const message = `cannot use ${JSON.stringify(trustDomain.slice(0, 80))} as trust domain: ${flaw}`;
  return [new Problem("spire-trust-domain", message, { culprit: "configuration" })];
}

/** Starts what an accepted configuration asks for. */
export function startServerRuntime(
  trustDomain: string,
  settings: ServerSettings,
  identities: ServerConfiguration["identities"],
  { clock, logger, userAgent }: RuntimeDependencies,
): ServerRuntime {
  const sources = new Map(
    [...identities].map(([key, { files, identity }]) => [
      key,
      new ReloadingIdentity(files, identity, { clock, logger }),
    ]),
  );
  const client = (tls: ClientTlsFiles, address: { host: string; port: number }, serverName: string | undefined) => ({
    ...address,
    identity: sources.get(identityKey(tls))!,
    serverName,
    connectTimeoutMs: settings.requestTimeoutMs,
    userAgent,
  });
  const { apiVersion, registrar } = settings;
  const verifiers = settings.verifiers.map(
    ({ host, port }) =>
      new VerifierClient(
        new HttpClient({ ...client(settings.tls, { host, port }, settings.verifierServerName), role: verifierRole }),
        { apiVersion },
      ),
  );
  const isList = settings.origins.keylime_verifier_urls?.isDefault === false;
  const verifier = isList ? new VerifierPool(verifiers, { clock, logger }) : verifiers[0]!;
  const registrarClient = new RegistrarClient(
    new HttpClient({
      ...client(registrar.tls, { host: registrar.host, port: registrar.port }, registrar.serverName),
      role: registrarRole,
    }),
    { apiVersion },
  );
  return {
    trustDomain,
    settings,
    verifier,
    registrar: registrarClient,
    close() {
      verifier.close();
      registrarClient.close();
      for (const source of sources.values()) source.close();
    },
  };
}

const legsOf = (settings: ServerSettings | undefined): ClientTlsFiles[] =>
  settings === undefined ? [] : [settings.tls, settings.registrar.tls];

const namesEveryFile = ({ caFile, certFile, keyFile }: ClientTlsFiles): boolean =>
  ![caFile, certFile, keyFile].some(({ isDefault }) => isDefault);

const identityFiles = ({
  caFile,
  certFile,
  keyFile,
  keyPasswordFile,
  keyPasswordKey,
}: ClientTlsFiles): IdentityFiles => ({
  ca: caFile,
  cert: certFile,
  key: keyFile,
  ...(keyPasswordKey === undefined ? {} : { keyPasswordKey }),
  ...(keyPasswordFile === undefined ? {} : { keyPassword: keyPasswordFile }),
});

/** Legs that name the same files share one identity, so that a rotation reaches both at once and is logged once. */
const identityKey = ({ caFile, certFile, keyFile, keyPasswordFile }: ClientTlsFiles): string =>
  [caFile, certFile, keyFile, keyPasswordFile].map((file) => file?.path ?? "").join("\0");
