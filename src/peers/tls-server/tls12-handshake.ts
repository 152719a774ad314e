import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { alertNumbers } from "../../tls/alert.js";
import { alpn } from "../../tls/extensions/alpn.js";
import { hasExtension, makeExtension, type RawExtension } from "../../tls/extensions/extension.js";
import { ecPointFormats } from "../../tls/extensions/number-list.js";
import { serverName } from "../../tls/extensions/server-name.js";
import { type HandshakeMessage, writeHandshake } from "../../tls/handshake-reader.js";
import { createKeyAgreement, type KeyAgreement } from "../../tls/key-agreement.js";
import { readCertificate12, writeCertificate12 } from "../../tls/messages/certificate.js";
import { writeCertificateRequest12 } from "../../tls/messages/certificate-request.js";
import { readCertificateVerify } from "../../tls/messages/certificate-verify.js";
import type { ClientHello } from "../../tls/messages/client-hello.js";
import { readClientKeyExchange } from "../../tls/messages/client-key-exchange.js";
import { writeServerHello } from "../../tls/messages/server-hello.js";
import {
  type HelloRandoms,
  keyExchangeContent,
  writeServerKeyExchange,
} from "../../tls/messages/server-key-exchange.js";
import { offeredSchemes, signAs } from "../../tls/signature-choice.js";
import { extensionTypes } from "../../tls/tables/extension-types.js";
import { contentTypes, handshakeTypes, tls12 } from "../../tls/tables/protocol.js";
import { connectionKeys, mainSecret, verifyData12 } from "../../tls/tls12/tls12-keys.js";
import { Tls12Protection } from "../../tls/tls12/tls12-protection.js";
import { admitClient, checkCertificateVerify12, readClientCertificates } from "./client-certificate.js";
import { checkExpected } from "./expected-message.js";
import type { HandshakePolicy } from "./handshake-policy.js";
import { agreeWith } from "./key-exchange.js";
import { type Agreement12, negotiate12 } from "./negotiation12.js";
import type { RecordLayer } from "./record-layer.js";
import { Refusal } from "./refusal.js";
import { type HandshakeStory, storyMessage } from "./story.js";

type Step = "certificate" | "client key exchange" | "certificate verify" | "finished" | "done";

const { values: types } = handshakeTypes;
const { values: extensions } = extensionTypes;
const expectedTypes: Record<Exclude<Step, "done">, number> = {
  certificate: types.certificate,
  "client key exchange": types.client_key_exchange,
  "certificate verify": types.certificate_verify,
  finished: types.finished,
};
/** rsa_sign and ecdsa_sign, which stands for Ed25519 too (RFC 8422 section 5.5). */
const certificateTypes = [1, 64];
/** TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746 section 3.3). */
const renegotiationSignal = 0x00ff;
/** What a server that knows TLS 1.3 ends its random with (RFC 8446 section 4.1.3). */
const downgradeMark = Buffer.from("444f574e47524401", "hex");

/** The server's half of a full TLS 1.2 handshake (RFC 5246 section 7.3) with ECDHE, for clients that know nothing newer. */
export class Tls12Handshake {
  readonly #policy: HandshakePolicy;
  readonly #records: RecordLayer;
  readonly #story: HandshakeStory;
  /** Every message as it was sent: signatures and Finished cover them all. */
  readonly #raw: Buffer[] = [];
  readonly #agreement: Agreement12;
  readonly #agreed: KeyAgreement;
  readonly #randoms: HelloRandoms;
  readonly #isExtended: boolean;
  #secret: Buffer = Buffer.alloc(0);
  #step: Step;

  /** Answers the ClientHello with the server's whole flight. */
  constructor(
    policy: HandshakePolicy,
    records: RecordLayer,
    { story, hello, raw }: { story: HandshakeStory; hello: ClientHello; raw: Buffer },
  ) {
    this.#policy = policy;
    this.#records = records;
    this.#story = story;
    this.#raw.push(raw);
    records.version = tls12;
    this.#agreement = negotiate12(hello, policy.credentials.key);
    this.#agreed = createKeyAgreement(this.#agreement.group);
    this.#randoms = {
      clientRandom: hello.random,
      serverRandom: Buffer.concat([randomBytes(32 - downgradeMark.length), downgradeMark]),
    };
    this.#isExtended = hasExtension(hello.extensions, { type: extensions.extended_main_secret });
    story.version = tls12;
    story.cipherSuite = this.#agreement.suite.number;
    story.group = this.#agreement.group;
    this.#sendFlight(hello);
    this.#step = policy.clientCertificates === "none" ? "client key exchange" : "certificate";
  }

  get isDone(): boolean {
    return this.#step === "done";
  }

  receive(message: HandshakeMessage): void {
    const step = this.#step;
    checkExpected(message.type, step === "done" ? undefined : expectedTypes[step]);
    if (step === "certificate") this.#receiveCertificate(message);
    else if (step === "client key exchange") this.#receiveKeyExchange(message);
    else if (step === "certificate verify") this.#receiveCertificateVerify(message);
    else this.#receiveFinished(message);
  }

  #sendFlight(hello: ClientHello): void {
    const { credentials, clientCertificates, requestedAuthorities } = this.#policy;
    const { group, scheme, suite } = this.#agreement;
    const shape = { legacyVersion: tls12, sessionId: Buffer.alloc(0), compressionMethod: 0 };
    const random = this.#randoms.serverRandom;
    const answers = this.#helloExtensions(hello);
    this.#send(
      types.server_hello,
      writeServerHello({ ...shape, random, cipherSuite: suite.number, extensions: answers }),
    );
    const entries = credentials.chain.map((certificate) => ({ certificate, extensions: [] }));
    this.#send(types.certificate, writeCertificate12({ entries }));
    const exchange = { group, key: this.#agreed.publicKey };
    const signature = signAs(scheme, credentials.key, keyExchangeContent(exchange, this.#randoms));
    this.#send(types.server_key_exchange, writeServerKeyExchange({ ...exchange, scheme, signature }));
    if (clientCertificates !== "none") {
      const request = { certificateTypes, signatureAlgorithms: [...offeredSchemes] };
      const authorities = [...requestedAuthorities];
      this.#send(types.certificate_request, writeCertificateRequest12({ ...request, authorities }));
    }
    this.#send(types.server_hello_done, Buffer.alloc(0));
  }

  /** Only what the client named; renegotiation info also for its stand-in among the cipher suites. */
  #helloExtensions({ extensions: offered, cipherSuites }: ClientHello): RawExtension[] {
    const has = (type: number) => hasExtension(offered, { type });
    const answers: RawExtension[] = [];
    if (has(extensions.renegotiation_info) || cipherSuites.includes(renegotiationSignal)) {
      answers.push({ type: extensions.renegotiation_info, data: Buffer.from([0x00]) });
    }
    if (this.#isExtended) answers.push({ type: extensions.extended_main_secret, data: Buffer.alloc(0) });
    if (has(extensions.ec_point_formats)) answers.push(makeExtension(ecPointFormats, [0]));
    if (this.#story.serverName !== undefined) answers.push(makeExtension(serverName, []));
    if (this.#story.offeredProtocols.includes("http/1.1")) {
      this.#story.alpn = "http/1.1";
      answers.push(makeExtension(alpn, ["http/1.1"]));
    }
    return answers;
  }

  #receiveCertificate({ body, raw }: HandshakeMessage): void {
    const certificates = readClientCertificates(readCertificate12(body));
    this.#raw.push(raw);
    this.#step = "client key exchange";
    admitClient(certificates, this.#policy, { story: this.#story, alertForNone: alertNumbers.handshakeFailure });
  }

  #receiveKeyExchange({ body, raw }: HandshakeMessage): void {
    const { suite } = this.#agreement;
    const premaster = agreeWith(readClientKeyExchange(body), this.#agreed);
    this.#raw.push(raw);
    const seed = this.#isExtended ? { sessionHash: this.#transcriptHash() } : this.#randoms;
    this.#secret = mainSecret(suite, premaster, seed);
    this.#policy.keyLog?.(
      `CLIENT_RANDOM ${this.#randoms.clientRandom.toString("hex")} ${this.#secret.toString("hex")}`,
    );
    const { client } = connectionKeys(suite, this.#secret, this.#randoms);
    const hasCertificate = (this.#story.clientCertificates ?? []).length > 0;
    this.#step = hasCertificate ? "certificate verify" : "finished";
    this.#records.nextReadProtection = new Tls12Protection(suite, client);
  }

  #receiveCertificateVerify({ body, raw }: HandshakeMessage): void {
    const [leaf] = this.#story.clientCertificates ?? [];
    this.#story.isKeyProven = false;
    checkCertificateVerify12(readCertificateVerify(body), leaf!, Buffer.concat(this.#raw));
    this.#story.isKeyProven = true;
    this.#raw.push(raw);
    this.#step = "finished";
  }

  #receiveFinished({ body, raw }: HandshakeMessage): void {
    const { suite } = this.#agreement;
    if (this.#records.readProtection === undefined) {
      throw new Refusal(alertNumbers.unexpectedMessage, "received finished before the keys changed");
    }
    const expected = verifyData12(suite, this.#secret, "client", this.#transcriptHash());
    if (body.length !== expected.length || !timingSafeEqual(body, expected)) {
      throw new Refusal(alertNumbers.decryptError, "the client's Finished does not fit the handshake");
    }
    this.#raw.push(raw);
    this.#records.send(contentTypes.values.change_cipher_spec, Buffer.from([0x01]));
    const { server } = connectionKeys(suite, this.#secret, this.#randoms);
    this.#records.writeProtection = new Tls12Protection(suite, server);
    this.#send(types.finished, verifyData12(suite, this.#secret, "server", this.#transcriptHash()));
    this.#records.isHandshaking = false;
    this.#step = "done";
  }

  #send(type: number, body: Buffer): void {
    const { raw } = writeHandshake(type, body);
    this.#raw.push(raw);
    this.#story.messages.push(storyMessage("server", type, raw.length));
    this.#records.send(contentTypes.values.handshake, raw);
  }

  #transcriptHash(): Buffer {
    return createHash(this.#agreement.suite.hash).update(Buffer.concat(this.#raw)).digest();
  }
}
