import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Problem } from "../../core/problem.js";
import type { FieldReportPki } from "../pki/field-report-pki.js";
import { type Child, lastLines, startChild } from "./child.js";
import type { KeylimeAdmin } from "./enrolment.js";
import { freePort } from "./free-port.js";
import { type HttpsAnswer, type HttpsRequest, httpsRequest } from "./https-request.js";
import {
  caSections,
  type IniOptions,
  type IniSections,
  iniText,
  type KeylimePorts,
  type KeylimeSetUp,
  loggingSections,
  registrarSections,
  tenantSections,
  verifierSections,
} from "./keylime-config.js";
import { until } from "./until.js";

/** Where a set-up's files go; the directories are created. */
export interface KeylimeLayout {
  /** KEYLIME_DIR: databases, and the certificates Keylime makes for itself. */
  workDir: string;
  tlsDir: string;
  configDir: string;
}

export interface RealKeylimeOptions {
  /** An existing directory; work dir, certificates and configuration go below it. */
  dir: string;
  /** Absolute paths of keylime_verifier and keylime_registrar. */
  programs: { verifier: string; registrar: string };
  /** `keylime`, `certs` and `etc` below the directory without. */
  layout?: KeylimeLayout;
  /** Ports that somebody listens on make the start fail; free ones are chosen without. */
  ports?: KeylimePorts;
  /** Aborted: a start that is waited for ends. */
  signal?: AbortSignal;
  pki: FieldReportPki;
  /** The raw value after `trusted_client_ca =` of the verifier, null for commented out; `["ca.crt"]` without. */
  trustedClientCa?: string | null;
  verifierOptions?: IniOptions;
  revocationOptions?: IniOptions;
  registrarOptions?: IniOptions;
  tenantOptions?: IniOptions;
  /** Name of the verifier's INI section, for the fault of a wrong one. */
  verifierSection?: string;
  /** Variables that the verifier alone is started with: KEYLIME_VERIFIER_… wins over its file. */
  verifierEnvironment?: Readonly<Record<string, string>>;
  /** `enable_agent_mtls`; true without. */
  agentMtls?: boolean;
  /** Seconds between two quotes of an enrolled agent; 1 without. */
  quoteIntervalS?: number;
  /** false starts the verifier alone. */
  registrar?: boolean;
}

/** Paths that an admin client (the tenant's certificate) takes on a command line. */
export interface AdminFiles {
  ca: string;
  cert: string;
  key: string;
}

export interface RealKeylime extends AsyncDisposable, KeylimeAdmin {
  readonly ports: KeylimePorts;
  /** `https://127.0.0.1:<port>` */
  readonly verifierUrl: string;
  /** The registrar's HTTPS port, for admins. */
  readonly registrarUrl: string;
  /** The registrar's plain HTTP port, for agents. */
  readonly registrarHttpUrl: string;
  readonly tlsDir: string;
  /** The environment that makes any Keylime program, the tenant included, use this set-up. */
  readonly environment: Record<string, string>;
  readonly admin: AdminFiles;
  stopVerifier(): Promise<void>;
  startVerifier(): Promise<void>;
  restartVerifier(): Promise<void>;
  /** Writes the verifier's file anew; it counts from the verifier's next start. */
  configureVerifier(options: IniOptions): Promise<void>;
  /** What both programs printed since their last start. */
  logs(): string;
  verifierLog(): string;
  stop(): Promise<void>;
}

/** Starts keylime_registrar and keylime_verifier and waits until both answer; rejects with their logs when one ends. */
export async function startRealKeylime(options: RealKeylimeOptions): Promise<RealKeylime> {
  const files = await writeSetUp(options);
  const keylime = new RunningKeylime(options, files);
  try {
    await Promise.all([keylime.startVerifier(), options.registrar === false ? undefined : keylime.startRegistrar()]);
    return keylime;
  } catch (error) {
    await keylime.stop();
    throw error;
  }
}

interface SetUpFiles extends KeylimeSetUp {
  workDir: string;
  verifierConfig: string;
  environment: Record<string, string>;
}

class RunningKeylime implements RealKeylime {
  readonly ports: KeylimePorts;
  readonly verifierUrl: string;
  readonly registrarUrl: string;
  readonly registrarHttpUrl: string;
  readonly tlsDir: string;
  readonly environment: Record<string, string>;
  readonly admin: AdminFiles;
  private verifier: Child | undefined;
  private registrar: Child | undefined;

  constructor(
    private readonly options: RealKeylimeOptions,
    private readonly files: SetUpFiles,
  ) {
    const { ports, tlsDir, environment } = files;
    this.ports = ports;
    this.verifierUrl = `https://127.0.0.1:${ports.verifier}`;
    this.registrarUrl = `https://127.0.0.1:${ports.registrarTls}`;
    this.registrarHttpUrl = `http://127.0.0.1:${ports.registrarHttp}`;
    this.tlsDir = tlsDir;
    this.environment = environment;
    this.admin = { ca: join(tlsDir, "ca.crt"), cert: join(tlsDir, "tenant.crt"), key: join(tlsDir, "tenant.key") };
  }

  askVerifier = (path: string, request: Pick<HttpsRequest, "method" | "body"> = {}): Promise<HttpsAnswer> =>
    httpsRequest(this.verifierUrl + path, { ...this.adminTls(), ...request });

  askRegistrar = (path: string, request: Pick<HttpsRequest, "method" | "body"> = {}): Promise<HttpsAnswer> =>
    httpsRequest(this.registrarUrl + path, { ...this.adminTls(), ...request });

  async startVerifier(): Promise<void> {
    const { programs, verifierEnvironment } = this.options;
    this.verifier = await this.startService(programs.verifier, verifierEnvironment);
    await this.ready(this.verifier, `${this.verifierUrl}/version`);
  }

  async startRegistrar(): Promise<void> {
    this.registrar = await this.startService(this.options.programs.registrar);
    await this.ready(this.registrar, `${this.registrarHttpUrl}/version`);
  }

  async stopVerifier(): Promise<void> {
    await this.verifier?.stop();
  }

  async restartVerifier(): Promise<void> {
    await this.stopVerifier();
    await this.startVerifier();
  }

  async configureVerifier(verifierOptions: IniOptions): Promise<void> {
    const merged = { ...this.options.verifierOptions, ...verifierOptions };
    await writeFile(this.files.verifierConfig, verifierText({ ...this.options, verifierOptions: merged }, this.files));
  }

  logs(): string {
    return [this.verifier, this.registrar]
      .filter((child) => child !== undefined)
      .map((child) => `--- ${child.name}\n${child.output()}`)
      .join("\n");
  }

  verifierLog = (): string => this.verifier?.output() ?? "";

  async stop(): Promise<void> {
    await Promise.all([this.verifier?.stop(), this.registrar?.stop()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  private adminTls(): Pick<HttpsRequest, "caPem" | "identity"> {
    const { caCompleteChainPem, tenant } = this.options.pki;
    return { caPem: caCompleteChainPem, identity: { certPem: tenant.chainPem, keyPem: tenant.keyPem } };
  }

  /** Its parent process ignores SIGTERM, so the whole group gets it. */
  private startService(command: string, environment: Readonly<Record<string, string>> = {}): Promise<Child> {
    return startChild({
      command,
      cwd: this.files.workDir,
      env: { ...this.environment, ...environment, PYTHONUNBUFFERED: "1" },
      stopSignalTo: "group",
    });
  }

  private async ready(service: Child, versionUrl: string): Promise<void> {
    const caPem = this.options.pki.caCompleteChainPem;
    const state = await until(
      async () => service.exit ?? (await httpsRequest(versionUrl, { caPem, timeoutMs: 2000 })).status === 200,
      {
        what: `${service.name} to answer ${versionUrl}`,
        timeoutMs: 60_000,
        evidence: () => lastLines(service.output()),
        signal: this.options.signal,
      },
    );
    if (state === true) return;
    throw new Problem(
      "peer-start",
      `${service.name} ended with ${state.code} at its start:\n${lastLines(service.output())}`,
      {
        culprit: "peer",
      },
    );
  }
}

async function writeSetUp(options: RealKeylimeOptions): Promise<SetUpFiles> {
  const { dir, pki, agentMtls = true, quoteIntervalS = 1 } = options;
  const { workDir, tlsDir, configDir } = options.layout ?? {
    workDir: join(dir, "keylime"),
    tlsDir: join(dir, "certs"),
    configDir: join(dir, "etc"),
  };
  for (const path of [workDir, tlsDir, configDir]) await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(workDir, 0o700);
  await writeCertificates(tlsDir, pki);

  const ports = options.ports ?? {
    verifier: await freePort(),
    registrarHttp: await freePort(),
    registrarTls: await freePort(),
  };
  const setUp: KeylimeSetUp = { ports, tlsDir, agentMtls, quoteIntervalS };
  const texts = {
    verifier: verifierText(options, setUp),
    registrar: iniText(merge(registrarSections(setUp), { registrar: options.registrarOptions })),
    tenant: iniText(merge(tenantSections(setUp), { tenant: options.tenantOptions })),
    ca: iniText(caSections()),
    logging: iniText(loggingSections()),
  };
  const environment: Record<string, string> = { KEYLIME_DIR: workDir };
  for (const [component, text] of Object.entries(texts)) {
    const path = join(configDir, `${component}.conf`);
    await writeFile(path, text, { mode: 0o600 });
    environment[`KEYLIME_${component.toUpperCase()}_CONFIG`] = path;
  }
  return { ...setUp, workDir, verifierConfig: join(configDir, "verifier.conf"), environment };
}

function verifierText(options: RealKeylimeOptions, setUp: KeylimeSetUp): string {
  const { trustedClientCa, verifierOptions, revocationOptions, verifierSection = "verifier" } = options;
  const trust: IniOptions = trustedClientCa === undefined ? {} : { trusted_client_ca: trustedClientCa };
  const { verifier, ...others } = merge(verifierSections(setUp), {
    verifier: { ...trust, ...verifierOptions },
    revocations: revocationOptions,
  });
  return iniText({ [verifierSection]: verifier!, ...others });
}

function merge(sections: IniSections, changes: Record<string, IniOptions | undefined>): IniSections {
  return Object.fromEntries(
    Object.entries(sections).map(([name, options]) => [name, { ...options, ...changes[name] }]),
  );
}

/** `root.crt` and `int.crt` are the two halves of `ca.crt`, for trust lists that name only one of them. */
async function writeCertificates(tlsDir: string, pki: FieldReportPki): Promise<void> {
  const { verifier, registrar, tenant, root, intermediate, caCompleteChainPem } = pki;
  const services = Object.entries({ verifier, registrar, tenant });
  const files: Record<string, string> = {
    "ca.crt": caCompleteChainPem,
    "root.crt": root.certPem,
    "int.crt": intermediate.certPem,
    ...Object.fromEntries(services.map(([name, { chainPem }]) => [`${name}.crt`, chainPem])),
    ...Object.fromEntries(services.map(([name, { keyPem }]) => [`${name}.key`, keyPem])),
  };
  for (const [name, pem] of Object.entries(files)) await writeFile(join(tlsDir, name), pem, { mode: 0o600 });
}
