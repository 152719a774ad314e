import { createPrivateKey, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../../test/support/until.js";
import { type CipherSuite, cipherSuite } from "../../tls/cipher-suite.js";
import { extensionValue, makeExtension, type RawExtension } from "../../tls/extensions/extension.js";
import { clientKeyShares, serverKeyShare } from "../../tls/extensions/key-share.js";
import { offeredVersions, signatureAlgorithms, supportedGroups } from "../../tls/extensions/number-list.js";
import { HandshakeReader, writeHandshake } from "../../tls/handshake-reader.js";
import { createKeyAgreement } from "../../tls/key-agreement.js";
import { applicationSecrets, finishedVerifyData, handshakeSecrets, Transcript } from "../../tls/key-schedule.js";
import { writeCertificate13 } from "../../tls/messages/certificate.js";
import { certificateVerifyContent, writeCertificateVerify } from "../../tls/messages/certificate-verify.js";
import { writeClientHello } from "../../tls/messages/client-hello.js";
import { readServerHello } from "../../tls/messages/server-hello.js";
import { RecordReader, writeRecord } from "../../tls/record.js";
import { RecordProtection } from "../../tls/record-protection.js";
import { signWithScheme } from "../../tls/signature.js";
import { contentTypes, handshakeTypes } from "../../tls/tables/protocol.js";
import { type FieldReportPki, fieldReportPki } from "../pki/field-report-pki.js";
import type { HandshakeStory } from "./story.js";
import { createTlsServer, type TlsServer } from "./tls-server.js";

const { values: content } = contentTypes;
const { values: types } = handshakeTypes;
const [x25519, ecdsaP256, rsaPss] = [0x001d, 0x0403, 0x0804];

let pki: FieldReportPki;
beforeAll(async () => {
  pki = await fieldReportPki();
});

const servers: TlsServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.destroyConnections();
    server.close();
    await once(server, "close");
  }
});

/** A client that does the handshake step by step, so that each step can be done wrong. */
class OddClient {
  readonly stories: HandshakeStory[] = [];
  /** Number of the alert received, and the application data. */
  alert: number | undefined;
  data = "";
  readonly transcript = new Transcript();
  #socket!: Socket;
  readonly #suite: CipherSuite = cipherSuite(0x1301)!;
  #read: RecordProtection | undefined;
  #write: RecordProtection | undefined;
  readonly #agreement = createKeyAgreement(x25519);
  #secrets: ReturnType<typeof handshakeSecrets> | undefined;
  #isServerDone = false;
  readonly #records = new RecordReader();
  readonly #messages = new HandshakeReader();

  async open(): Promise<void> {
    const server = createTlsServer(
      {
        certPem: pki.verifier.chainPem,
        keyPem: pki.verifier.keyPem,
        clientCertificates: "optional",
        trustedClientCaPem: pki.caCompleteChainPem,
        onHandshake: (story) => this.stories.push(story),
      },
      (connection) => connection.pipe(connection),
    );
    servers.push(server);
    await once(server.listen(0, "127.0.0.1"), "listening");
    this.#socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    this.#socket.on("error", () => {});
    this.#socket.on("data", (chunk) => this.#receive(chunk));
    await once(this.#socket, "connect");
  }

  hello(extra: RawExtension[] = [], change: { compressionMethods?: number[]; key?: Buffer } = {}): Buffer {
    const shares = [{ group: x25519, key: change.key ?? this.#agreement.publicKey }];
    const body = writeClientHello({
      legacyVersion: 0x0303,
      random: randomBytes(32),
      sessionId: Buffer.alloc(0),
      cipherSuites: [0x1301],
      compressionMethods: change.compressionMethods ?? [0],
      extensions: [
        makeExtension(offeredVersions, [0x0304]),
        makeExtension(supportedGroups, [x25519]),
        makeExtension(signatureAlgorithms, [ecdsaP256]),
        makeExtension(clientKeyShares, shares),
        ...extra,
      ],
    });
    return writeHandshake(types.client_hello, body).raw;
  }

  /** Does everything right up to the server's Finished. */
  async begin(): Promise<void> {
    await this.open();
    const hello = this.hello();
    this.transcript.add(hello);
    this.sendPlain(content.handshake, hello);
    await until(() => this.#isServerDone, { what: "the server's Finished" });
  }

  certificate(entries: Buffer[]): Buffer {
    const list = entries.map((certificate) => ({ certificate, extensions: [] }));
    return this.#said(types.certificate, writeCertificate13({ context: Buffer.alloc(0), entries: list }));
  }

  certificateVerify(keyPem: string, scheme = ecdsaP256): Buffer {
    const signed = certificateVerifyContent("client", this.transcript.hash(this.#suite));
    const signature = signWithScheme(ecdsaP256, createPrivateKey(keyPem), signed);
    return this.#said(types.certificate_verify, writeCertificateVerify({ scheme, signature }));
  }

  finished(): Buffer {
    const hash = this.transcript.hash(this.#suite);
    return writeHandshake(types.finished, finishedVerifyData(this.#suite, this.#secrets!.clientTraffic, hash)).raw;
  }

  /** Does the rest right as well; application data may follow. */
  async complete(): Promise<void> {
    await this.begin();
    const hash = this.transcript.hash(this.#suite);
    const application = applicationSecrets(this.#suite, this.#secrets!.handshakeSecret, hash);
    this.send(content.handshake, Buffer.concat([this.certificate([]), this.finished()]));
    this.#write = new RecordProtection(this.#suite, application.clientTraffic);
  }

  sendPlain(type: number, fragment: Buffer): void {
    this.#socket.write(writeRecord({ type, version: 0x0301, fragment }));
  }

  send(type: number, bytes: Buffer): void {
    this.#socket.write(this.#write!.seal({ type, content: bytes }));
  }

  sendRaw(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  updateKeys(): void {
    this.#write!.update();
  }

  async alertReceived(): Promise<number> {
    await until(() => this.alert !== undefined, { what: "an alert", evidence: () => JSON.stringify(this.stories) });
    return this.alert!;
  }

  #said(type: number, body: Buffer): Buffer {
    const { raw } = writeHandshake(type, body);
    this.transcript.add(raw);
    return raw;
  }

  #receive(chunk: Buffer): void {
    this.#records.push(chunk);
    for (let record = this.#records.next(); record !== undefined; record = this.#records.next()) {
      const plain = this.#read?.open(record) ?? { type: record.type, content: record.fragment };
      if (plain.type === content.alert) this.alert ??= plain.content[1];
      else if (plain.type === content.application_data) this.data += plain.content.toString();
      else if (plain.type === content.handshake) this.#receiveHandshake(plain.content);
    }
  }

  #receiveHandshake(bytes: Buffer): void {
    this.#messages.push(bytes);
    for (let message = this.#messages.next(); message !== undefined; message = this.#messages.next()) {
      this.transcript.add(message.raw);
      if (message.type === types.server_hello) this.#deriveKeys(message.body);
      if (message.type === types.finished) this.#expectApplicationData();
    }
  }

  #deriveKeys(body: Buffer): void {
    const { key } = extensionValue(readServerHello(body).extensions, serverKeyShare)!;
    this.#secrets = handshakeSecrets(this.#suite, this.#agreement.sharedSecret(key), this.transcript.hash(this.#suite));
    this.#read = new RecordProtection(this.#suite, this.#secrets.serverTraffic);
    this.#write = new RecordProtection(this.#suite, this.#secrets.clientTraffic);
  }

  #expectApplicationData(): void {
    const hash = this.transcript.hash(this.#suite);
    const { serverTraffic } = applicationSecrets(this.#suite, this.#secrets!.handshakeSecret, hash);
    this.#read = new RecordProtection(this.#suite, serverTraffic);
    this.#isServerDone = true;
  }
}

describe("a client that does everything right", () => {
  it("is echoed, before and after a key update", async () => {
    const client = new OddClient();
    await client.complete();
    client.send(content.application_data, Buffer.from("one "));
    client.send(content.handshake, writeHandshake(types.key_update, Buffer.from([0])).raw);
    client.updateKeys();
    client.send(content.application_data, Buffer.from("two"));
    await until(() => client.data === "one two", { what: "the echo" });
  });

  it("may present its certificate in several records", async () => {
    const client = new OddClient();
    await client.begin();
    const flight = Buffer.concat([
      client.certificate([pki.plugin.certDer, pki.intermediate.certDer]),
      client.certificateVerify(pki.plugin.keyPem),
      client.finished(),
    ]);
    for (let at = 0; at < flight.length; at += 100) client.send(content.handshake, flight.subarray(at, at + 100));
    await until(() => client.stories[0]?.outcome === "completed", { what: "the end of the handshake" });
  });
});

describe("a client certificate", () => {
  async function outcome(flight: (client: OddClient) => Buffer): Promise<[number, string | undefined]> {
    const client = new OddClient();
    await client.begin();
    client.send(content.handshake, flight(client));
    return [await client.alertReceived(), client.stories[0]?.failure];
  }
  const chain = () => [pki.plugin.certDer, pki.intermediate.certDer];

  it("whose key did not sign is answered with decrypt_error", async () => {
    expect(
      await outcome((client) =>
        Buffer.concat([client.certificate(chain()), client.certificateVerify(pki.tenant.keyPem)]),
      ),
    ).toEqual([
      51,
      "refused the client with decrypt_error (51): the client's ecdsa_secp256r1_sha256 signature does not verify with its certificate",
    ]);
  });

  it("with a signature of another kind is answered with illegal_parameter", async () => {
    expect(
      await outcome((client) =>
        Buffer.concat([client.certificate(chain()), client.certificateVerify(pki.plugin.keyPem, rsaPss)]),
      ),
    ).toEqual([
      47,
      "refused the client with illegal_parameter (47): the client signed with rsa_pss_rsae_sha256, which does not fit its certificate",
    ]);
  });

  it("without a signature is answered with unexpected_message", async () => {
    expect(await outcome((client) => Buffer.concat([client.certificate(chain()), client.finished()]))).toEqual([
      10,
      "refused the client with unexpected_message (10): received finished, expected certificate_verify",
    ]);
  });

  it("that is no certificate is answered with decode_error", async () => {
    expect(await outcome((client) => client.certificate([Buffer.from("3003020100", "hex")]))).toEqual([
      50,
      "refused the client with decode_error (50): the client's Certificate holds bytes that are no certificate",
    ]);
  });

  it("none, with a Finished that does not fit, is answered with decrypt_error", async () => {
    const wrong = (client: OddClient) => {
      const none = client.certificate([]);
      const finished = client.finished();
      finished[10]! ^= 1;
      return Buffer.concat([none, finished]);
    };
    expect((await outcome(wrong))[0]).toBe(51);
  });

  it("followed by bytes under the old keys is answered with unexpected_message", async () => {
    const late = (client: OddClient) => Buffer.concat([client.certificate([]), client.finished(), Buffer.from([0x18])]);
    expect((await outcome(late))[0]).toBe(10);
  });
});

describe("a hello", () => {
  async function answerTo(send: (client: OddClient) => void): Promise<number> {
    const client = new OddClient();
    await client.open();
    send(client);
    return client.alertReceived();
  }

  it("with an extension twice is answered with illegal_parameter", async () => {
    const twice = [makeExtension(supportedGroups, [x25519])];
    expect(await answerTo((client) => client.sendPlain(content.handshake, client.hello(twice)))).toBe(47);
  });

  it("with compression is answered with illegal_parameter", async () => {
    const hello = (client: OddClient) => client.hello([], { compressionMethods: [0, 1] });
    expect(await answerTo((client) => client.sendPlain(content.handshake, hello(client)))).toBe(47);
  });

  it("with a key that is no point is answered with illegal_parameter", async () => {
    for (const key of [Buffer.alloc(32), Buffer.alloc(31, 9), Buffer.alloc(0)]) {
      expect(await answerTo((client) => client.sendPlain(content.handshake, client.hello([], { key })))).toBe(47);
    }
  });

  it("followed by more in its record is answered with unexpected_message", async () => {
    const long = (client: OddClient) => Buffer.concat([client.hello(), Buffer.from([0x01])]);
    expect(await answerTo((client) => client.sendPlain(content.handshake, long(client)))).toBe(10);
  });

  it("preceded by anything else is answered with unexpected_message", async () => {
    expect(await answerTo((client) => client.sendPlain(content.application_data, Buffer.from("early")))).toBe(10);
    expect(
      await answerTo((client) =>
        client.sendPlain(content.handshake, writeHandshake(types.finished, Buffer.alloc(32)).raw),
      ),
    ).toBe(10);
  });

  it("that announces megabytes is answered before they are collected", async () => {
    const announced = Buffer.from([0x01, 0xff, 0xff, 0xff]);
    expect(await answerTo((client) => client.sendPlain(content.handshake, announced))).toBe(50);
  });
});

describe("an established connection", () => {
  async function answerTo(send: (client: OddClient) => void): Promise<number> {
    const client = new OddClient();
    await client.complete();
    await until(() => client.stories[0]?.outcome === "completed", { what: "the end of the handshake" });
    send(client);
    return client.alertReceived();
  }

  it("answers a record that does not decrypt with bad_record_mac", async () => {
    const garbage = writeRecord({ type: content.application_data, version: 0x0303, fragment: randomBytes(40) });
    expect(await answerTo((client) => client.sendRaw(garbage))).toBe(20);
  });

  it("answers a record of too many bytes with record_overflow", async () => {
    const long = writeRecord({ type: content.application_data, version: 0x0303, fragment: Buffer.alloc(0x4200) });
    expect(await answerTo((client) => client.sendRaw(long))).toBe(22);
  });

  it("answers unprotected records and late handshake messages with unexpected_message", async () => {
    expect(await answerTo((client) => client.sendPlain(content.handshake, client.hello()))).toBe(10);
    expect(await answerTo((client) => client.send(content.handshake, client.hello()))).toBe(10);
    expect(await answerTo((client) => client.sendPlain(content.change_cipher_spec, Buffer.from([1])))).toBe(10);
  });

  it("ends floods of empty records and of key updates", async () => {
    const flood = (client: OddClient, send: () => void) => {
      for (let i = 0; i < 40 && client.alert === undefined; i++) send();
    };
    const empty = (client: OddClient) => flood(client, () => client.send(content.application_data, Buffer.alloc(0)));
    const updates = (client: OddClient) =>
      flood(client, () => {
        client.send(content.handshake, writeHandshake(types.key_update, Buffer.from([0])).raw);
        client.updateKeys();
      });
    expect(await answerTo(empty)).toBe(10);
    expect(await answerTo(updates)).toBe(10);
  });

  it("answers a key update that asks for neither yes nor no with illegal_parameter", async () => {
    const odd = writeHandshake(types.key_update, Buffer.from([2])).raw;
    expect(await answerTo((client) => client.send(content.handshake, odd))).toBe(47);
  });
});
