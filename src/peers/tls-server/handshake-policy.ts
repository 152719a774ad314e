import type { ClientPolicy } from "./client-certificate.js";
import type { Credentials } from "./credentials.js";

/** How a server answers its clients, whatever the version. */
export interface HandshakePolicy extends ClientPolicy {
  credentials: Credentials;
  /** DER names of CAs to ask for; empty asks for any. */
  requestedAuthorities: readonly Buffer[];
  /** Answers clients that know nothing newer with TLS 1.2. */
  speaksTls12: boolean;
  /** Takes lines of the SSLKEYLOGFILE format. */
  keyLog: ((line: string) => void) | undefined;
}
