import type { CipherSuite } from "../../tls/cipher-suite.js";
import type { HandshakeSecrets } from "../../tls/key-schedule.js";
import type { HandshakeContext } from "../handshake/handshake-context.js";

/** What the states from EncryptedExtensions to Finished share (RFC 8446 section 2). */
export interface Tls13 {
  context: HandshakeContext;
  suite: CipherSuite;
  secrets: HandshakeSecrets;
}
