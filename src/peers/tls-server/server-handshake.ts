import { randomBytes, timingSafeEqual } from "node:crypto";
import { alertNumbers } from "../../tls/alert.js";
import type { CipherSuite } from "../../tls/cipher-suite.js";
import { alpn } from "../../tls/extensions/alpn.js";
import { certificateAuthorities } from "../../tls/extensions/certificate-authorities.js";
import { extensionValue, makeExtension, type RawExtension } from "../../tls/extensions/extension.js";
import { clientKeyShares, retryGroup, serverKeyShare } from "../../tls/extensions/key-share.js";
import { selectedVersion, signatureAlgorithms } from "../../tls/extensions/number-list.js";
import { hostName, serverName } from "../../tls/extensions/server-name.js";
import { type HandshakeMessage, writeHandshake } from "../../tls/handshake-reader.js";
import { createKeyAgreement } from "../../tls/key-agreement.js";
import {
  applicationSecrets,
  finishedVerifyData,
  type HandshakeSecrets,
  handshakeSecrets,
  Transcript,
} from "../../tls/key-schedule.js";
import { readCertificate13, writeCertificate13 } from "../../tls/messages/certificate.js";
import { writeCertificateRequest13 } from "../../tls/messages/certificate-request.js";
import {
  certificateVerifyContent,
  readCertificateVerify,
  writeCertificateVerify,
} from "../../tls/messages/certificate-verify.js";
import { type ClientHello, clientVersions, readClientHello } from "../../tls/messages/client-hello.js";
import { writeEncryptedExtensions } from "../../tls/messages/encrypted-extensions.js";
import { helloRetryRandom, writeServerHello } from "../../tls/messages/server-hello.js";
import { RecordProtection } from "../../tls/record-protection.js";
import { signWithScheme } from "../../tls/signature.js";
import { offeredSchemes } from "../../tls/signature-choice.js";
import { contentTypes, handshakeTypes, tls12, tls13 } from "../../tls/tables/protocol.js";
import { admitClient, checkCertificateVerify, readClientCertificates } from "./client-certificate.js";
import { checkExpected } from "./expected-message.js";
import type { HandshakePolicy } from "./handshake-policy.js";
import { agreeWith } from "./key-exchange.js";
import { type Agreement, negotiate } from "./negotiation.js";
import type { RecordLayer } from "./record-layer.js";
import { Refusal } from "./refusal.js";
import { type HandshakeStory, storyMessage } from "./story.js";
import { Tls12Handshake } from "./tls12-handshake.js";

type Step = "client hello" | "second client hello" | "certificate" | "certificate verify" | "finished" | "done";

const { values: types } = handshakeTypes;
const expectedTypes: Record<Exclude<Step, "done">, number> = {
  "client hello": types.client_hello,
  "second client hello": types.client_hello,
  certificate: types.certificate,
  "certificate verify": types.certificate_verify,
  finished: types.finished,
};

/** The server's half of a TLS 1.3 handshake without resumption (RFC 8446 section 2), driven by the messages received. */
export class ServerHandshake {
  readonly #policy: HandshakePolicy;
  readonly #records: RecordLayer;
  readonly #story: HandshakeStory;
  readonly #transcript = new Transcript();
  #step: Step = "client hello";
  #retry: Agreement | undefined;
  #clientRandom = Buffer.alloc(0);
  #established: Established | undefined;
  #older: Tls12Handshake | undefined;

  constructor(policy: HandshakePolicy, records: RecordLayer, story: HandshakeStory) {
    this.#policy = policy;
    this.#records = records;
    this.#story = story;
  }

  get isDone(): boolean {
    return this.#older?.isDone ?? this.#step === "done";
  }

  receive(message: HandshakeMessage): void {
    this.#story.messages.push(storyMessage("client", message.type, message.raw.length));
    if (this.#older !== undefined) {
      this.#older.receive(message);
      return;
    }
    const step = this.#step;
    checkExpected(message.type, step === "done" ? undefined : expectedTypes[step]);
    if (step === "client hello" || step === "second client hello") this.#receiveHello(message);
    else if (step === "certificate") this.#receiveCertificate(message);
    else if (step === "certificate verify") this.#receiveCertificateVerify(message);
    else this.#receiveFinished(message);
  }

  #receiveHello(message: HandshakeMessage): void {
    const hello = readClientHello(message.body);
    this.#tellHello(hello);
    if (this.#policy.speaksTls12 && isTls12Only(hello)) {
      this.#older = new Tls12Handshake(this.#policy, this.#records, { story: this.#story, hello, raw: message.raw });
      return;
    }
    const agreement = negotiate(hello, this.#policy.credentials.schemes);
    if (this.#retry !== undefined) checkRetried(agreement, this.#retry, hello);
    this.#transcript.add(message.raw);
    this.#story.version = tls13;
    this.#story.cipherSuite = agreement.suite.number;
    this.#story.group = agreement.group;
    if (agreement.share === undefined) this.#sendRetry(hello, agreement);
    else this.#sendFlight(hello, agreement, agreement.share.key);
  }

  #tellHello(hello: ClientHello): void {
    this.#clientRandom = Buffer.from(hello.random);
    this.#story.clientHello ??= hello;
    this.#story.serverName = hostName(extensionValue(hello.extensions, serverName));
    this.#story.offeredProtocols = extensionValue(hello.extensions, alpn) ?? [];
  }

  #sendRetry(hello: ClientHello, agreement: Agreement): void {
    this.#transcript.foldForRetry(agreement.suite);
    this.#retry = agreement;
    this.#step = "second client hello";
    const extensions = [makeExtension(selectedVersion, tls13), makeExtension(retryGroup, agreement.group)];
    this.#sendHello(hello, agreement.suite, { random: helloRetryRandom, extensions, name: "hello_retry_request" });
    this.#sendFiller(hello);
  }

  /** ServerHello to Finished in one go. */
  #sendFlight(hello: ClientHello, agreement: Agreement, clientKey: Buffer): void {
    const { suite, group } = agreement;
    const ours = createKeyAgreement(group);
    const sharedSecret = agreeWith(clientKey, ours);
    const extensions = [
      makeExtension(selectedVersion, tls13),
      makeExtension(serverKeyShare, { group, key: ours.publicKey }),
    ];
    this.#sendHello(hello, suite, { random: randomBytes(32), extensions });
    if (this.#retry === undefined) this.#sendFiller(hello);
    const secrets = handshakeSecrets(suite, sharedSecret, this.#transcript.hash(suite));
    this.#log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", secrets.clientTraffic);
    this.#log("SERVER_HANDSHAKE_TRAFFIC_SECRET", secrets.serverTraffic);
    this.#records.readProtection = new RecordProtection(suite, secrets.clientTraffic);
    this.#records.writeProtection = new RecordProtection(suite, secrets.serverTraffic);
    this.#sendParameters(agreement);
    this.#sendFinished(suite, secrets);
  }

  #sendParameters({ suite, scheme }: Agreement): void {
    const { credentials, clientCertificates } = this.#policy;
    this.#send(types.encrypted_extensions, writeEncryptedExtensions({ extensions: this.#encryptedExtensions() }));
    if (clientCertificates !== "none") {
      const extensions = [makeExtension(signatureAlgorithms, [...offeredSchemes]), ...this.#namedAuthorities()];
      this.#send(types.certificate_request, writeCertificateRequest13({ context: Buffer.alloc(0), extensions }));
    }
    const entries = credentials.chain.map((certificate) => ({ certificate, extensions: [] }));
    this.#send(types.certificate, writeCertificate13({ context: Buffer.alloc(0), entries }));
    const content = certificateVerifyContent("server", this.#transcript.hash(suite));
    const signature = signWithScheme(scheme, credentials.key, content);
    this.#send(types.certificate_verify, writeCertificateVerify({ scheme, signature }));
  }

  #namedAuthorities(): RawExtension[] {
    const { requestedAuthorities: names } = this.#policy;
    return names.length === 0 ? [] : [makeExtension(certificateAuthorities, [...names])];
  }

  #sendFinished(suite: CipherSuite, secrets: HandshakeSecrets): void {
    this.#send(types.finished, finishedVerifyData(suite, secrets.serverTraffic, this.#transcript.hash(suite)));
    const application = applicationSecrets(suite, secrets.handshakeSecret, this.#transcript.hash(suite));
    this.#log("CLIENT_TRAFFIC_SECRET_0", application.clientTraffic);
    this.#log("SERVER_TRAFFIC_SECRET_0", application.serverTraffic);
    this.#log("EXPORTER_SECRET", application.exporter);
    this.#records.writeProtection = new RecordProtection(suite, application.serverTraffic);
    this.#established = { suite, clientFinished: secrets.clientTraffic, clientTraffic: application.clientTraffic };
    this.#step = this.#policy.clientCertificates === "none" ? "finished" : "certificate";
  }

  /** A protocol only if the client knows ours; Keylime's servers do not negotiate one and do not mind either. */
  #encryptedExtensions(): RawExtension[] {
    const acceptName = this.#story.serverName === undefined ? [] : [makeExtension(serverName, [])];
    if (!this.#story.offeredProtocols.includes("http/1.1")) return acceptName;
    this.#story.alpn = "http/1.1";
    return [...acceptName, makeExtension(alpn, ["http/1.1"])];
  }

  /** The chain is judged before the signature and Finished are looked at, which is OpenSSL's order too. */
  #receiveCertificate(message: HandshakeMessage): void {
    const certificates = readClientCertificates(readCertificate13(message.body));
    this.#transcript.add(message.raw);
    this.#step = certificates.length === 0 ? "finished" : "certificate verify";
    admitClient(certificates, this.#policy, { story: this.#story, alertForNone: alertNumbers.certificateRequired });
  }

  #receiveCertificateVerify(message: HandshakeMessage): void {
    const [leaf] = this.#story.clientCertificates ?? [];
    const { suite } = this.#established!;
    this.#story.isKeyProven = false;
    checkCertificateVerify(readCertificateVerify(message.body), leaf!, this.#transcript.hash(suite));
    this.#story.isKeyProven = true;
    this.#transcript.add(message.raw);
    this.#step = "finished";
  }

  #receiveFinished(message: HandshakeMessage): void {
    const { suite, clientFinished, clientTraffic } = this.#established!;
    const expected = finishedVerifyData(suite, clientFinished, this.#transcript.hash(suite));
    if (message.body.length !== expected.length || !timingSafeEqual(message.body, expected)) {
      throw new Refusal(alertNumbers.decryptError, "the client's Finished does not fit the handshake");
    }
    this.#records.readProtection = new RecordProtection(suite, clientTraffic);
    this.#records.isHandshaking = false;
    this.#step = "done";
  }

  #sendHello(
    hello: ClientHello,
    suite: CipherSuite,
    { random, extensions, name }: { random: Buffer; extensions: RawExtension[]; name?: string },
  ): void {
    const body = writeServerHello({
      legacyVersion: tls12,
      random,
      sessionId: hello.sessionId,
      cipherSuite: suite.number,
      compressionMethod: 0,
      extensions,
    });
    this.#send(types.server_hello, body, name);
  }

  /** The change_cipher_spec that makes middleboxes take TLS 1.3 for a resumed TLS 1.2 (RFC 8446 appendix D.4). */
  #sendFiller(hello: ClientHello): void {
    if (hello.sessionId.length > 0) this.#records.send(contentTypes.values.change_cipher_spec, Buffer.from([0x01]));
  }

  #send(type: number, body: Buffer, name?: string): void {
    const { raw } = writeHandshake(type, body);
    this.#transcript.add(raw);
    this.#story.messages.push(storyMessage("server", type, raw.length, name));
    this.#records.send(contentTypes.values.handshake, raw);
  }

  #log(label: string, secret: Buffer): void {
    this.#policy.keyLog?.(`${label} ${this.#clientRandom.toString("hex")} ${secret.toString("hex")}`);
  }
}

interface Established {
  suite: CipherSuite;
  clientFinished: Buffer;
  clientTraffic: Buffer;
}

function checkRetried(now: Agreement, asked: Agreement, hello: ClientHello): void {
  const shares = extensionValue(hello.extensions, clientKeyShares) ?? [];
  const isAsWished = now.suite === asked.suite && now.share?.group === asked.group && shares.length === 1;
  if (!isAsWished) throw new Refusal(alertNumbers.illegalParameter, "the second ClientHello is not what was asked for");
}

function isTls12Only(hello: ClientHello): boolean {
  const versions = clientVersions(hello);
  return versions.includes(tls12) && !versions.includes(tls13);
}
