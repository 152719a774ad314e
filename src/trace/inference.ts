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
/** Level and number. */
export const alertBytes = 2;
/** What Java's JSSE adds to every record besides (`T13PaddingLength` in its OutputRecord, JDK 17). */
const javaPaddingBytes = 16;
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
  const added = recordOverhead(conversation, "client");
  const flight = clientFlight(conversation.encryptedRecords, finishedBytes + added);
  const inference = judgeFlight(flight, conversation, finishedBytes, added);
  const refusal = serverAlert(connection, flight) ?? clientAlert(flight);
  if (refusal !== undefined) {
    inference.alert = refusal.record;
    inference.because.push(...refusal.because);
  }
  return inference;
}

/** What a side's encryption adds to a message: it shows in the length of its Finished, which is known. */
export function recordOverhead({ serverHello, encryptedRecords }: Conversation, side: Side): number {
  const finishedBytes = 4 + ((serverHello && cipherSuite(serverHello.cipherSuite)?.hashBytes) ?? 0);
  const has = (length: number) => encryptedRecords.some((record) => record.from === side && record.length === length);
  const isPlain = has(finishedBytes + addedBytes) || !has(finishedBytes + addedBytes + javaPaddingBytes);
  return isPlain ? addedBytes : addedBytes + javaPaddingBytes;
}

interface ClientFlight {
  /** The client's records up to and with its Finished; to the first that cannot belong to it when none fits. */
  records: EncryptedRecord[];
  /** Place of the flight's first record among all; -1 when the client sent nothing. Java judges before the last one. */
  firstAt: number;
  hasFinished: boolean;
}

function clientFlight(records: readonly EncryptedRecord[], finishedRecordBytes: number): ClientFlight {
  const flight: EncryptedRecord[] = [];
  const firstAt = records.findIndex(({ from }) => from === "client");
  for (const record of records) {
    if (record.from !== "client") continue;
    flight.push(record);
    if (record.length === finishedRecordBytes) return { records: flight, firstAt, hasFinished: true };
  }
  // Without a Finished on its own the client joined its messages in one record, or ended with an alert.
  const [first] = flight;
  if (first === undefined) return { records: [], firstAt, hasFinished: false };
  return { records: [first], firstAt, hasFinished: first.length > finishedRecordBytes };
}

function judgeFlight(
  flight: ClientFlight,
  conversation: Conversation,
  finishedBytes: number,
  added: number,
): Inference {
  const unknown: Inference = { clientCertificate: "unknown", alert: undefined, because: [] };
  if (!flight.hasFinished) return unknown;
  const sum = flight.records.reduce((total, { length }) => total + length - added, 0);
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
function serverAlert(connection: Connection, { firstAt, hasFinished }: ClientFlight): InferredAlert | undefined {
  if (!hasFinished) return undefined;
  const { conversation } = connection;
  const after = conversation.encryptedRecords.slice(firstAt + 1).filter(({ from }) => from === "server");
  const [first, ...more] = after;
  const alertLength = alertBytes + recordOverhead(conversation, "server");
  if (first === undefined || first.length !== alertLength || more.length > 0) return undefined;
  return {
    record: { from: "server", packet: first.packet, timeMs: first.timeMs },
    because: [
      `the server's first and only record after that has ${alertLength} bytes, an alert's length: no session ticket and no data came before it`,
      ...closeWords(connection, "server"),
    ],
  };
}

/** A client that refuses the server's certificate sends an alert where its flight should be. */
function clientAlert({ records: [first] }: ClientFlight): InferredAlert | undefined {
  if (first === undefined) return undefined;
  const [plain, padded] = [alertBytes + addedBytes, alertBytes + addedBytes + javaPaddingBytes];
  // Nothing else that a client may send first has either length (RFC 8446 section 4.3 and on).
  if (first.length !== plain && first.length !== padded) return undefined;
  return {
    record: { from: "client", packet: first.packet, timeMs: first.timeMs },
    because: [
      `the client's first encrypted record has ${first.length} bytes, an alert's length, where its Finished was due: it refused the server`,
    ],
  };
}

function closeWords(connection: Connection, side: Side): string[] {
  if (connection.resetBy === side) return [`the ${side} reset the connection`];
  return connection.stream(side).isFinished ? [`the ${side} closed the connection`] : [];
}
