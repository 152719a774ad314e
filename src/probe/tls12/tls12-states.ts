import { createHash, timingSafeEqual } from "node:crypto";
import { alpn } from "../../tls/extensions/alpn.js";
import { extensionValue, hasExtension } from "../../tls/extensions/extension.js";
import type { HandshakeMessage } from "../../tls/handshake-reader.js";
import { createKeyAgreement } from "../../tls/key-agreement.js";
import { readCertificate12, writeCertificate12 } from "../../tls/messages/certificate.js";
import { readCertificateRequest12 } from "../../tls/messages/certificate-request.js";
import { writeCertificateVerify } from "../../tls/messages/certificate-verify.js";
import { writeClientKeyExchange } from "../../tls/messages/client-key-exchange.js";
import type { ServerHello } from "../../tls/messages/server-hello.js";
import {
  type HelloRandoms,
  isKeyExchangeSigned,
  readServerKeyExchange,
  type ServerKeyExchange,
} from "../../tls/messages/server-key-exchange.js";
import { signAs } from "../../tls/signature-choice.js";
import { extensionTypes } from "../../tls/tables/extension-types.js";
import { connectionKeys, mainSecret, verifyData12 } from "../../tls/tls12/tls12-keys.js";
import { Tls12Protection } from "../../tls/tls12/tls12-protection.js";
import type { Tls12Suite } from "../../tls/tls12/tls12-suite.js";
import type { ConnectionStory } from "../connection-story.js";
import { type HandshakeContext, type State, violation } from "../handshake/handshake-context.js";
import { handshakeTypes } from "../handshake/wire-versions.js";
import { choosePresentation, type Presentation } from "../presentation.js";
import { isCertificate, readServerChain } from "../server-chain.js";

const { values: types } = handshakeTypes;

/** What the states after the ServerHello share (RFC 5246 section 7.3). */
interface Tls12 {
  context: HandshakeContext;
  suite: Tls12Suite;
  randoms: HelloRandoms;
  isExtended: boolean;
}

export function startTls12(context: HandshakeContext, suite: Tls12Suite, hello: ServerHello): State {
  context.story.alpn = extensionValue(hello.extensions, alpn)?.[0];
  const isExtended = hasExtension(hello.extensions, { type: extensionTypes.values.extended_main_secret });
  const randoms = { clientRandom: context.offer.hello.random, serverRandom: hello.random };
  return new AwaitCertificate12({ context, suite, randoms, isExtended });
}

class AwaitCertificate12 implements State {
  readonly expects = [types.certificate];
  readonly #tls: Tls12;
  constructor(tls: Tls12) {
    this.#tls = tls;
  }

  receive({ body, raw }: HandshakeMessage): State {
    this.#tls.context.story.serverChain = readServerChain(readCertificate12(body));
    this.#tls.context.add(raw);
    return new AwaitKeyExchange(this.#tls);
  }
}

class AwaitKeyExchange implements State {
  readonly expects = [types.server_key_exchange];
  readonly #tls: Tls12;
  constructor(tls: Tls12) {
    this.#tls = tls;
  }

  receive({ body, raw }: HandshakeMessage): State {
    const { context, randoms } = this.#tls;
    const exchange = readServerKeyExchange(body);
    context.story.group = exchange.group;
    const isValid = isSignedByLeaf(context.story, exchange, randoms);
    context.story.serverProof = { scheme: exchange.scheme, isValid };
    context.add(raw);
    return new AwaitHelloDone(this.#tls, exchange, [types.certificate_request, types.server_hello_done]);
  }
}

class AwaitHelloDone implements State {
  readonly expects: readonly number[];
  readonly #tls: Tls12;
  readonly #exchange: ServerKeyExchange;
  constructor(tls: Tls12, exchange: ServerKeyExchange, expects: readonly number[]) {
    this.#tls = tls;
    this.#exchange = exchange;
    this.expects = expects;
  }

  receive({ type, body, raw }: HandshakeMessage): State {
    const { context } = this.#tls;
    context.add(raw);
    if (type === types.certificate_request) {
      context.story.request = readCertificateRequest12(body);
      return new AwaitHelloDone(this.#tls, this.#exchange, [types.server_hello_done]);
    }
    if (body.length > 0) throw violation("ServerHelloDone", `${body.length} bytes where none are due`);
    return this.#sendFlight();
  }

  #sendFlight(): State {
    const { context, suite, randoms } = this.#tls;
    const presentation = this.#sendCertificate();
    const ours = createKeyAgreement(this.#exchange.group);
    const premaster = ours.sharedSecret(this.#exchange.key);
    context.send(types.client_key_exchange, writeClientKeyExchange(ours.publicKey));
    const seed = this.#tls.isExtended ? { sessionHash: transcriptHash(this.#tls) } : randoms;
    const secret = mainSecret(suite, premaster, seed);
    if (presentation !== undefined) {
      const { scheme, key } = presentation;
      const signature = signAs(scheme, key, Buffer.concat(context.raw));
      context.send(types.certificate_verify, writeCertificateVerify({ scheme, signature }));
    }
    const keys = connectionKeys(suite, secret, randoms);
    context.records.sendChangeCipherSpec();
    context.records.writing = new Tls12Protection(suite, keys.client);
    context.records.nextReading = new Tls12Protection(suite, keys.server);
    context.send(types.finished, verifyData12(suite, secret, "client", transcriptHash(this.#tls)));
    return new AwaitFinished12(this.#tls, secret);
  }

  #sendCertificate(): Presentation | undefined {
    const { context } = this.#tls;
    const { request } = context.story;
    if (request === undefined) return undefined;
    const presentation = choosePresentation(context, "1.2", request.signatureAlgorithms);
    const entries = (presentation?.chain ?? []).map((certificate) => ({ certificate, extensions: [] }));
    context.send(types.certificate, writeCertificate12({ entries }));
    return presentation;
  }
}

class AwaitFinished12 implements State {
  readonly expects = [types.finished];
  readonly #tls: Tls12;
  readonly #secret: Buffer;
  constructor(tls: Tls12, secret: Buffer) {
    this.#tls = tls;
    this.#secret = secret;
  }

  receive({ body, raw }: HandshakeMessage): "established" {
    const { context, suite } = this.#tls;
    if (context.records.reading === undefined) throw violation("Finished", "it came without a change of keys");
    const expected = verifyData12(suite, this.#secret, "server", transcriptHash(this.#tls));
    if (body.length !== expected.length || !timingSafeEqual(body, expected)) {
      throw violation("Finished", "it does not fit the handshake: something between the two changes messages");
    }
    context.add(raw);
    return "established";
  }
}

/** A public key of a kind Node does not know throws when it is asked for. */
function isSignedByLeaf({ serverChain }: ConnectionStory, exchange: ServerKeyExchange, randoms: HelloRandoms): boolean {
  const leaf = serverChain.slice(0, 1).find(isCertificate);
  try {
    return leaf !== undefined && isKeyExchangeSigned(exchange, randoms, leaf.publicKey);
  } catch {
    return false;
  }
}

function transcriptHash({ context, suite }: Tls12): Buffer {
  return createHash(suite.hash).update(Buffer.concat(context.raw)).digest();
}
