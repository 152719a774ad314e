import { alertNumbers } from "../../tls/alert.js";
import { type CipherSuite, cipherSuite } from "../../tls/cipher-suite.js";
import { extensionValue, hasExtension, repeatedExtension } from "../../tls/extensions/extension.js";
import { clientKeyShares, type KeyShare } from "../../tls/extensions/key-share.js";
import { signatureAlgorithms, supportedGroups } from "../../tls/extensions/number-list.js";
import { agreementGroups } from "../../tls/key-agreement.js";
import { type ClientHello, clientVersions } from "../../tls/messages/client-hello.js";
import { extensionTypes } from "../../tls/tables/extension-types.js";
import { protocolVersions, tls13 } from "../../tls/tables/protocol.js";
import { Refusal } from "./refusal.js";

export interface Agreement {
  suite: CipherSuite;
  /** The scheme the server signs with. */
  scheme: number;
  group: number;
  /** undefined when the client offers the group and sent no share of it: a retry is due. */
  share: KeyShare | undefined;
}

/** Finds what both sides accept, or the alert that OpenSSL 3 answers with when there is nothing. */
export function negotiate(hello: ClientHello, serverSchemes: readonly number[]): Agreement {
  const versions = clientVersions(hello);
  if (!versions.includes(tls13)) {
    const offered = versions.map((version) => protocolVersions.name(version)).join(", ");
    throw new Refusal(alertNumbers.protocolVersion, `the client offers ${offered}, this server speaks TLS 1.3 only`);
  }
  checkForm(hello);
  const suite = hello.cipherSuites.map(cipherSuite).find((one) => one !== undefined);
  if (suite === undefined) throw new Refusal(alertNumbers.handshakeFailure, "no cipher suite in common");
  return { suite, scheme: chooseScheme(hello, serverSchemes), ...chooseGroup(hello) };
}

function checkForm(hello: ClientHello): void {
  const repeated = repeatedExtension(hello.extensions);
  if (repeated !== undefined) {
    const name = extensionTypes.name(repeated);
    throw new Refusal(alertNumbers.illegalParameter, `the client sent the extension ${name} twice`);
  }
  if (hello.compressionMethods.length !== 1 || hello.compressionMethods[0] !== 0) {
    throw new Refusal(alertNumbers.illegalParameter, "the client offers compression with TLS 1.3");
  }
  for (const needed of [signatureAlgorithms, supportedGroups, clientKeyShares]) {
    if (hasExtension(hello.extensions, needed)) continue;
    const name = extensionTypes.name(needed.type);
    throw new Refusal(alertNumbers.missingExtension, `the client sent no ${name}, which a full handshake needs`);
  }
}

function chooseScheme(hello: ClientHello, serverSchemes: readonly number[]): number {
  const offered = extensionValue(hello.extensions, signatureAlgorithms) ?? [];
  const scheme = serverSchemes.find((one) => offered.includes(one));
  if (scheme !== undefined) return scheme;
  throw new Refusal(alertNumbers.handshakeFailure, "the client takes no signature that the server's key can make");
}

function chooseGroup(hello: ClientHello): Pick<Agreement, "group" | "share"> {
  const shares = extensionValue(hello.extensions, clientKeyShares) ?? [];
  const share = shares.find((one) => agreementGroups.includes(one.group));
  if (share !== undefined) return { group: share.group, share };
  const offered = extensionValue(hello.extensions, supportedGroups) ?? [];
  const group = agreementGroups.find((one) => offered.includes(one));
  if (group === undefined) throw new Refusal(alertNumbers.handshakeFailure, "no key exchange group in common");
  return { group, share: undefined };
}
