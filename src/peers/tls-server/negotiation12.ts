import type { KeyObject } from "node:crypto";
import { alertNumbers } from "../../tls/alert.js";
import { extensionValue, repeatedExtension } from "../../tls/extensions/extension.js";
import { signatureAlgorithms, supportedGroups } from "../../tls/extensions/number-list.js";
import { agreementGroups } from "../../tls/key-agreement.js";
import type { ClientHello } from "../../tls/messages/client-hello.js";
import { chooseScheme } from "../../tls/signature-choice.js";
import { extensionTypes } from "../../tls/tables/extension-types.js";
import { namedGroups } from "../../tls/tables/named-groups.js";
import { type Tls12Suite, tls12Suites } from "../../tls/tls12/tls12-suite.js";
import { Refusal } from "./refusal.js";

export interface Agreement12 {
  suite: Tls12Suite;
  /** The scheme the server signs its key exchange with. */
  scheme: number;
  group: number;
}

/** Finds what both sides accept in TLS 1.2: ECDHE with an AEAD, or handshake_failure. */
export function negotiate12(hello: ClientHello, key: KeyObject): Agreement12 {
  const repeated = repeatedExtension(hello.extensions);
  if (repeated !== undefined) {
    const name = extensionTypes.name(repeated);
    throw new Refusal(alertNumbers.illegalParameter, `the client sent the extension ${name} twice`);
  }
  if (!hello.compressionMethods.includes(0)) {
    throw new Refusal(alertNumbers.illegalParameter, "the client cannot do without compression");
  }
  const authentication = key.asymmetricKeyType === "rsa" || key.asymmetricKeyType === "rsa-pss" ? "rsa" : "ecdsa";
  const suite = tls12Suites.find((one) => one.signedBy === authentication && hello.cipherSuites.includes(one.number));
  if (suite === undefined) throw nothingShared("ECDHE cipher suite with AES-GCM or ChaCha20");
  // A client that lists no groups takes any (RFC 8422 section 4).
  const offered = extensionValue(hello.extensions, supportedGroups) ?? [namedGroups.values.secp256r1];
  const group = agreementGroups.find((one) => offered.includes(one));
  if (group === undefined) throw nothingShared("key exchange group");
  const scheme = chooseScheme("1.2", key, extensionValue(hello.extensions, signatureAlgorithms) ?? []);
  if (scheme === undefined) throw nothingShared("signature scheme that this server's key can make");
  return { suite, scheme, group };
}

function nothingShared(what: string): Refusal {
  return new Refusal(alertNumbers.handshakeFailure, `the client offers TLS 1.2 and no ${what}`);
}
