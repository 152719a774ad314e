import type { KeyObject } from "node:crypto";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { systemClock } from "../../src/core/clock.js";
import type { FieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { parseCredentials } from "../../src/peers/tls-server/credentials.js";
import type { HandshakePolicy } from "../../src/peers/tls-server/handshake-policy.js";
import { RecordLayer } from "../../src/peers/tls-server/record-layer.js";
import { ServerHandshake } from "../../src/peers/tls-server/server-handshake.js";
import { type HandshakeStory, newStory } from "../../src/peers/tls-server/story.js";
import { type ConnectionStory, newConnectionStory } from "../../src/probe/connection-story.js";
import { ClientRecords } from "../../src/probe/handshake/client-records.js";
import { HandshakeContext, type Presenting, type State } from "../../src/probe/handshake/handshake-context.js";
import { makeOffer } from "../../src/probe/handshake/offer.js";
import { startHandshake } from "../../src/probe/handshake/server-hello.js";
import { HandshakeReader } from "../../src/tls/handshake-reader.js";
import { contentTypes } from "../../src/tls/tables/protocol.js";
import { readCertificateFields } from "../../src/x509/extensions.js";
import { mutations } from "./mutations.js";

export interface DamagedRun {
  client: ConnectionStory;
  server: HandshakeStory;
  /** What ended it, when it did not come to its end. */
  error: { by: "client" | "server"; thrown: unknown } | undefined;
  isDone: boolean;
}

export interface Damage {
  /** Whose bytes are damaged, and from which of its handshake records on, from 0. */
  from: "client" | "server" | "nobody";
  record: number;
  /** What is done to the record's content, after decryption. */
  change: (content: Buffer) => Buffer;
}

export interface Pair {
  policy: HandshakePolicy;
  presenting: Presenting;
}

/** The two ends of the field report's leg, with CA names in the request. */
export function handshakePair(pki: FieldReportPki): Pair {
  const chain = [pki.plugin.certPem, pki.intermediate.certPem].map((pem) => new X509Certificate(pem));
  const key: KeyObject = createPrivateKey(pki.plugin.keyPem);
  const credentials = { name: "c", keyPath: "k", chain, key, keyForm: { label: "PRIVATE KEY", isEncrypted: false } };
  return {
    presenting: { credentials, chain: chain.map(({ raw }) => raw) },
    policy: {
      credentials: parseCredentials({ certPem: pki.verifier.chainPem, keyPem: pki.verifier.keyPem }),
      clientCertificates: "optional",
      anchors: [],
      securityLevel: 2,
      takesEveryClient: true,
      requestedAuthorities: [readCertificateFields(chain[1]!.raw).subject],
      speaksTls12: true,
      keyLog: undefined,
      clock: systemClock,
    },
  };
}

/** Damage that is the same on every run. */
export function damageOf(seed: number): (content: Buffer) => Buffer {
  return (content) => mutations(content, 1, seed).next().value ?? content;
}

/** probe's and intercept's handshakes with each other, without sockets, one side's records damaged on the way. */
export function shakeHandsDamaged(
  { policy, presenting }: Pair,
  versions: readonly number[],
  damage: Damage,
): DamagedRun {
  const wires = { client: [] as Buffer[], server: [] as Buffer[] };
  const client = newConnectionStory(presenting.credentials, versions);
  const server = newStory("127.0.0.1", 1);
  const clientRecords = new ClientRecords((bytes) => void wires.client.push(bytes));
  const serverRecords = new RecordLayer((bytes) => void wires.server.push(bytes));
  const offer = makeOffer({ versions, serverName: "localhost", alpn: ["http/1.1"] });
  const context = new HandshakeContext(offer, presenting, clientRecords, client, () => 0);
  const handshake = new ServerHandshake(policy, serverRecords, server);
  let state: State | "established" = startHandshake(context);
  const sides = {
    client: {
      records: clientRecords,
      reader: new HandshakeReader(),
      receive: (message: Parameters<State["receive"]>[0]) => {
        if (state !== "established" && state.expects.includes(message.type)) state = state.receive(message);
      },
    },
    server: {
      records: serverRecords,
      reader: new HandshakeReader(),
      receive: (message: Parameters<State["receive"]>[0]) => {
        if (!handshake.isDone) handshake.receive(message);
      },
    },
  };
  const isEstablished = () => state === "established";
  const seen = { client: 0, server: 0 };
  const deliver = (from: "client" | "server"): void => {
    const { records, reader, receive } = sides[from === "client" ? "server" : "client"];
    for (const bytes of wires[from].splice(0)) records.push(bytes);
    for (let record = records.next(); record !== undefined; record = records.next()) {
      if (record.type !== contentTypes.values.handshake) continue;
      const isDamaged = damage.from === from && seen[from]++ === damage.record;
      reader.push(isDamaged ? damage.change(record.content) : record.content);
      for (let message = reader.next(); message !== undefined; message = reader.next()) receive(message);
    }
  };
  let by: "client" | "server" = "server";
  try {
    while (wires.client.length > 0 || wires.server.length > 0) {
      by = "server";
      deliver("client");
      by = "client";
      deliver("server");
    }
    return { client, server, error: undefined, isDone: isEstablished() && handshake.isDone };
  } catch (thrown) {
    return { client, server, error: { by, thrown }, isDone: false };
  }
}
