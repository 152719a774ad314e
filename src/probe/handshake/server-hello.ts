import { cipherSuite } from "../../tls/cipher-suite.js";
import { type ExtensionCodec, extensionValue } from "../../tls/extensions/extension.js";
import { retryGroup, serverKeyShare } from "../../tls/extensions/key-share.js";
import type { HandshakeMessage } from "../../tls/handshake-reader.js";
import { agreementGroups } from "../../tls/key-agreement.js";
import {
  isHelloRetryRequest,
  negotiatedVersion,
  readServerHello,
  type ServerHello,
} from "../../tls/messages/server-hello.js";
import { cipherSuites } from "../../tls/tables/cipher-suites.js";
import { extensionTypes } from "../../tls/tables/extension-types.js";
import { namedGroups } from "../../tls/tables/named-groups.js";
import { protocolVersions } from "../../tls/tables/protocol.js";
import { tls12Suites } from "../../tls/tls12/tls12-suite.js";
import { startTls12 } from "../tls12/tls12-states.js";
import { startTls13 } from "../tls13/tls13-states.js";
import { type HandshakeContext, type State, violation } from "./handshake-context.js";
import { offerBytes, retryOffer } from "./offer.js";
import { OlderVersion } from "./older-version.js";
import { handshakeTypes, tls12, tls13 } from "./wire-versions.js";

const { values: types } = handshakeTypes;

/** Sends the ClientHello; the version's own states take over from the ServerHello. */
export function startHandshake(context: HandshakeContext): State {
  context.send(types.client_hello, offerBytes(context.offer));
  return new AwaitServerHello(context, false);
}

class AwaitServerHello implements State {
  readonly expects = [types.server_hello];
  readonly #context: HandshakeContext;
  readonly #isRetried: boolean;

  constructor(context: HandshakeContext, isRetried: boolean) {
    this.#context = context;
    this.#isRetried = isRetried;
  }

  receive(message: HandshakeMessage): State {
    const hello = readServerHello(message.body);
    const version = negotiatedVersion(hello);
    if (!this.#context.offer.options.versions.includes(version)) {
      if (version < tls12) throw new OlderVersion(version);
      throw violation("ServerHello", `it chose ${protocolVersions.name(version)}, which was not offered`);
    }
    this.#context.story.version = version;
    this.#context.story.cipherSuite = hello.cipherSuite;
    return version === tls13 ? this.#receive13(hello, message) : this.#receive12(hello, message);
  }

  #receive13(hello: ServerHello, message: HandshakeMessage): State {
    const suite = cipherSuite(hello.cipherSuite);
    if (suite === undefined) throw unofferedSuite(hello);
    if (isHelloRetryRequest(hello)) return this.#retry(hello, message);
    this.#context.add(message.raw);
    const share = extensionValue(hello.extensions, serverKeyShare);
    const agreement = share && this.#context.offer.agreements.get(share.group);
    if (share === undefined || agreement === undefined) {
      const group = share === undefined ? "none" : namedGroups.name(share.group);
      throw violation("ServerHello", `its key share (${group}) answers none that was sent`);
    }
    this.#context.story.group = share.group;
    return startTls13(this.#context, suite, agreement.sharedSecret(share.key));
  }

  #retry(hello: ServerHello, message: HandshakeMessage): State {
    if (this.#isRetried) throw violation("HelloRetryRequest", "it is the second one");
    const suite = cipherSuite(hello.cipherSuite)!;
    const group = extensionValue(hello.extensions, retryGroup);
    const cookie = extensionValue(hello.extensions, cookieCodec);
    this.#expectChange(group, cookie);
    this.#context.story.messages.at(-1)!.name = "hello_retry_request";
    this.#context.transcript.foldForRetry(suite);
    this.#context.add(message.raw);
    this.#context.offer = retryOffer(this.#context.offer, group, cookie);
    this.#context.records.sendChangeCipherSpec();
    this.#context.send(types.client_hello, offerBytes(this.#context.offer));
    return new AwaitServerHello(this.#context, true);
  }

  /** What is asked for was offered, and makes the second ClientHello another one (RFC 8446 sections 4.1.4 and 4.2.8). */
  #expectChange(group: number | undefined, cookie: Buffer | undefined): void {
    const refuse = (why: string) => violation("HelloRetryRequest", why);
    if (group === undefined) {
      if (cookie === undefined) throw refuse("it asks for no change");
      return;
    }
    const name = namedGroups.name(group);
    if (!agreementGroups.includes(group)) throw refuse(`it asks for ${name}, which was not offered`);
    if (this.#context.offer.agreements.has(group)) throw refuse(`it asks for ${name}, whose key share was sent`);
  }

  #receive12(hello: ServerHello, message: HandshakeMessage): State {
    const suite = tls12Suites.find(({ number }) => number === hello.cipherSuite);
    if (suite === undefined) throw unofferedSuite(hello);
    this.#context.add(message.raw);
    return startTls12(this.#context, suite, hello);
  }
}

/** RFC 8446 section 4.2.2; echoed as it came. */
const cookieCodec: ExtensionCodec<Buffer> = {
  type: extensionTypes.values.cookie,
  read: (reader) => reader.rest(),
  write: (writer, cookie) => writer.bytes(cookie),
};

function unofferedSuite({ cipherSuite: number }: ServerHello): Error {
  return violation("ServerHello", `it chose ${cipherSuites.name(number)}, which was not offered for its version`);
}
