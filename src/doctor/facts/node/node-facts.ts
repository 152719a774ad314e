import type { KeylimeAgentInfo, RegistrarAgent, VerifierAgent } from "../../../keylime/types.js";
import type { CertificateFacts } from "../../../x509/certificate.js";
import type { Fact } from "../fact.js";

/** The node whose Keylime agent the agent plugin asks, as Keylime's services know it. */
export interface NodeFacts {
  /** The UUID in use, and who says so. */
  agentId: Fact<string>;
  /** What the Keylime agent says of itself. */
  info: Fact<KeylimeAgentInfo>;
  registrar: Fact<RegistrarAnswer>;
  verifier: Fact<VerifierAnswer>;
}

export type RegistrarAnswer =
  | { is: "registered"; entry: RegistrarEntry }
  | { is: "not-registered" }
  | { is: "not-active" };

/** The registrar's record without its keys. */
export interface RegistrarEntry extends Pick<RegistrarAgent, "ip" | "port" | "registrationCount"> {
  /** What the agent said it serves; undefined when it registered nothing. */
  mtlsCert: CertificateFacts | "disabled" | "unreadable" | undefined;
  /** The same as base64; undefined unless it is a certificate. */
  mtlsDer: string | undefined;
  hasEkCertificate: boolean;
}

export type VerifierAnswer =
  | { is: "enrolled"; agent: VerifierAgent; verifierNowMs: number | undefined }
  | { is: "not-enrolled" };
