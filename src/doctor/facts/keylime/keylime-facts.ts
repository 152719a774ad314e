import type { AgentConfig, AgentTls } from "../../../keylime/config/agent-config.js";
import type { ComponentConfig } from "../../../keylime/config/component-config.js";
import type { KeylimeTls } from "../../../keylime/config/tls-settings.js";
import type { Fact } from "../fact.js";
import type { FileCertificate } from "../files/file-facts.js";
import type { PythonVersion } from "./gather-python.js";

/** Keylime's configuration as its services read it; unknown where a service has no file. */
export interface KeylimeFacts {
  verifier: Fact<KeylimeServiceFacts>;
  registrar: Fact<KeylimeServiceFacts>;
  tenant: Fact<KeylimeServiceFacts>;
  agent: Fact<KeylimeAgentFacts>;
}

export interface KeylimeServiceFacts {
  /** Passwords and addresses with passwords are replaced. */
  config: ComponentConfig;
  tls: KeylimeTls;
  /** Where the KEYLIME_* variables were seen. */
  environmentFrom: string;
  /** The Python that runs it, whose version decides how certificates are verified. */
  python: Fact<PythonVersion>;
  /** When each file was last changed. */
  modifiedMs: Readonly<Record<string, number>>;
  /** Certificates in the folder of the service's own that its options do not name. */
  unnamed: readonly { file: string; certificate: FileCertificate }[];
  /** The CA certificates that its trusted_client_ca names, as far as they can be read. */
  trusted: readonly { file: string; certificate: FileCertificate }[];
}

export interface KeylimeAgentFacts {
  config: AgentConfig;
  tls: AgentTls;
  environmentFrom: string;
}
