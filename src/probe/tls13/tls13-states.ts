import type { X509Certificate } from "node:crypto";
import type { CipherSuite } from "../../tls/cipher-suite.js";
import { alpn } from "../../tls/extensions/alpn.js";
import { extensionValue } from "../../tls/extensions/extension.js";
import type { HandshakeMessage } from "../../tls/handshake-reader.js";
import { handshakeSecrets } from "../../tls/key-schedule.js";
import { readCertificate13 } from "../../tls/messages/certificate.js";
import { readCertificateRequest13 } from "../../tls/messages/certificate-request.js";
import { certificateVerifyContent, readCertificateVerify } from "../../tls/messages/certificate-verify.js";
import { readEncryptedExtensions } from "../../tls/messages/encrypted-extensions.js";
import { RecordProtection } from "../../tls/record-protection.js";
import { verifyWithScheme } from "../../tls/signature.js";
import type { HandshakeContext, State } from "../handshake/handshake-context.js";
import { handshakeTypes } from "../handshake/wire-versions.js";
import { isCertificate, readServerChain } from "../server-chain.js";
import type { Tls13 } from "./tls13.js";
import { AwaitFinished13 } from "./tls13-finished.js";

const { values: types } = handshakeTypes;

export function startTls13(context: HandshakeContext, suite: CipherSuite, sharedSecret: Buffer): State {
  const secrets = handshakeSecrets(suite, sharedSecret, context.transcript.hash(suite));
  context.records.reading = new RecordProtection(suite, secrets.serverTraffic);
  return new AwaitEncryptedExtensions({ context, suite, secrets });
}

class AwaitEncryptedExtensions implements State {
  readonly expects = [types.encrypted_extensions];
  readonly #tls: Tls13;
  constructor(tls: Tls13) {
    this.#tls = tls;
  }

  receive({ body, raw }: HandshakeMessage): State {
    const { context } = this.#tls;
    const { extensions } = readEncryptedExtensions(body);
    context.story.alpn = extensionValue(extensions, alpn)?.[0];
    context.add(raw);
    return new AwaitCertificate(this.#tls, [types.certificate_request, types.certificate]);
  }
}

class AwaitCertificate implements State {
  readonly expects: readonly number[];
  readonly #tls: Tls13;
  constructor(tls: Tls13, expects: readonly number[]) {
    this.#tls = tls;
    this.expects = expects;
  }

  receive({ type, body, raw }: HandshakeMessage): State {
    const { context } = this.#tls;
    context.add(raw);
    if (type === types.certificate_request) {
      context.story.request = readCertificateRequest13(body);
      return new AwaitCertificate(this.#tls, [types.certificate]);
    }
    context.story.serverChain = readServerChain(readCertificate13(body));
    return new AwaitCertificateVerify(this.#tls);
  }
}

class AwaitCertificateVerify implements State {
  readonly expects = [types.certificate_verify];
  readonly #tls: Tls13;
  constructor(tls: Tls13) {
    this.#tls = tls;
  }

  /** A signature that does not verify is told and does not end the handshake: what comes after it is wanted too. */
  receive({ body, raw }: HandshakeMessage): State {
    const { context, suite } = this.#tls;
    const { scheme, signature } = readCertificateVerify(body);
    const content = certificateVerifyContent("server", context.transcript.hash(suite));
    const leaf = context.story.serverChain.slice(0, 1).find(isCertificate);
    const isValid = leaf !== undefined && isSignedBy(leaf, scheme, content, signature);
    context.story.serverProof = { scheme, isValid };
    context.add(raw);
    return new AwaitFinished13(this.#tls);
  }
}

/** A public key of a kind Node does not know throws when it is asked for. */
function isSignedBy(leaf: X509Certificate, scheme: number, content: Buffer, signature: Buffer): boolean {
  try {
    return verifyWithScheme(scheme, leaf.publicKey, content, signature);
  } catch {
    return false;
  }
}
