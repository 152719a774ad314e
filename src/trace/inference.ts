import { cipherSuite } from "../tls/cipher-suite.js";
import { hasExtension } from "../tls/extensions/extension.js";
import { extensionTypes } from "../tls/tables/extension-types.js";
import { tls13 } from "../tls/tables/protocol.js";
import type { Connection } from "./connection.js";
import type { Conversation, EncryptedRecord, Side } from "./conversation.js";

/** What lengths and order of encrypted records allow to say; never more than likely. */
export interface Inference {
  /** What the client answered about its certificate. */
  clientCertificate: "none_asked" | "empty" | "sent" | "unknown";
  /** A record of an alert's length where only an alert makes sense. */
  alert: { from: Side; packet: number; timeMs: number } | undefined;
  /** Each a sentence that says what was seen and what it speaks for. */
  because: string[];
}

/** The inner content type and the tag: what encryption adds to a message of TLS 1.3 that is not padded (RFC 8446 5.2). */
const addedBytes = 1 + 16;
/** An alert's two bytes, protected. */
export const alertRecordBytes = 2 + addedBytes;
/** Certificate message with an empty list: header, empty context, empty list (RFC 8446 4.4.2). */
const emptyCertificateBytes = 4 + 1 + 3;
/** No certificate with its CertificateVerify is smaller. */
const leastCertificateBytes = 200;

/** Reads the encrypted part of a TLS 1.3 handshake by its lengths. Undefined when there is nothing to infer from. */
export function inferHandshake(connection: Connection): Inference | undefined {
  const { conversation } = connection;
  const suite = conversation.serverHello && cipherSuite(conversation.serverHello.cipherSuite);
  if (conversation.version < tls13 || suite === undefined || conversation.sawDecryption) return undefined;
  if (conversation.encryptedRecords.length === 0) return undefined;
  const finishedBytes = 4 + suite.hashBytes;
  const flight = clientFlight(conversation.encryptedRecords, finishedBytes);
  const inference = judgeFlight(flight, conversation, finishedBytes);
  const refusal = serverAlert(connection, flight) ?? clientAlert(flight);
  if (refusal !== undefined) {
    inference.alert = refusal.record;
    inference.because.push(...refusal.because);
  }
  return inference;
}

interface ClientFlight {
  /** The client's records up to and with its Finished; to the first that cannot belong to it when none fits. */
  records: EncryptedRecord[];
  /** Place of the flight's last record among all; -1 when the client sent nothing. */
  lastAt: number;
  hasFinished: boolean;
}

function clientFlight(records: readonly EncryptedRecord[], finishedBytes: number): ClientFlight {
  const flight: EncryptedRecord[] = [];
  for (const [at, record] of records.entries()) {
    if (record.from !== "client") continue;
    flight.push(record);
    if (record.length === finishedBytes + addedBytes) return { records: flight, lastAt: at, hasFinished: true };
  }
  // Without a Finished on its own the client joined its messages in one record, or ended with an alert.
  const [first] = flight;
  if (first === undefined) return { records: [], lastAt: -1, hasFinished: false };
  const isJoined = first.length > finishedBytes + addedBytes;
  return { records: [first], lastAt: records.indexOf(first), hasFinished: isJoined };
}

function judgeFlight(flight: ClientFlight, conversation: Conversation, finishedBytes: number): Inference {
  const unknown: Inference = { clientCertificate: "unknown", alert: undefined, because: [] };
  if (!flight.hasFinished) return unknown;
  const sum = flight.records.reduce((total, { length }) => total + length - addedBytes, 0);
  const before = sum - finishedBytes;
  const lengths = flight.records.map(({ length }) => length).join(" + ");
  const seen = `the client's Finished flight is ${lengths} bytes`;
  if (before === 0) {
    const why = isResumed(conversation) ? "the session was resumed" : "the server asked for no certificate";
    return {
      ...unknown,
      clientCertificate: "none_asked",
      because: [`${seen}: a Finished and nothing else, so ${why}`],
    };
  }
  if (before === emptyCertificateBytes) {
    return {
      ...unknown,
      clientCertificate: "empty",
      because: [`${seen}: room for an empty Certificate message and a Finished, so the client was asked and sent none`],
    };
  }
  if (before < leastCertificateBytes) return unknown;
  return {
    ...unknown,
    clientCertificate: "sent",
    because: [`${seen}: ${before} bytes before the Finished, so the client was asked and sent a certificate`],
  };
}

function isResumed({ serverHello }: Conversation): boolean {
  return (
    serverHello !== undefined && hasExtension(serverHello.extensions, { type: extensionTypes.values.pre_shared_key })
  );
}

interface InferredAlert {
  record: NonNullable<Inference["alert"]>;
  because: string[];
}

/** A server that is content answers with tickets or data; one that refuses answers with nothing but an alert. */
function serverAlert(connection: Connection, { lastAt, hasFinished }: ClientFlight): InferredAlert | undefined {
  if (!hasFinished) return undefined;
  const { conversation } = connection;
  const after = conversation.encryptedRecords.slice(lastAt + 1).filter(({ from }) => from === "server");
  const [first, ...more] = after;
  if (first === undefined || first.length !== alertRecordBytes || more.length > 0) return undefined;
  return {
    record: { from: "server", packet: first.packet, timeMs: first.timeMs },
    because: [
      `the server's first and only record after that has ${alertRecordBytes} bytes, an alert's length: no session ticket and no data came before it`,
      ...closeWords(connection, "server"),
    ],
  };
}

/** A client that refuses the server's certificate sends an alert where its flight should be. */
function clientAlert({ records: [first] }: ClientFlight): InferredAlert | undefined {
  if (first === undefined || first.length !== alertRecordBytes) return undefined;
  return {
    record: { from: "client", packet: first.packet, timeMs: first.timeMs },
    because: [
      `the client's first encrypted record has ${alertRecordBytes} bytes, an alert's length, where its Finished was due: it refused the server`,
    ],
  };
}

function closeWords(connection: Connection, side: Side): string[] {
  if (connection.resetBy === side) return [`the ${side} reset the connection`];
  const index = connection.sideOf(0) === side ? 0 : 1;
  return connection.finished[index] ? [`the ${side} closed the connection`] : [];
}
