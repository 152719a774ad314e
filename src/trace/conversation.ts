import type { Alert } from "../tls/alert.js";
import type { CertificateRequest } from "../tls/messages/certificate-request.js";
import type { ClientHello } from "../tls/messages/client-hello.js";
import type { ServerHello } from "../tls/messages/server-hello.js";

export type Side = "client" | "server";

/** How a step could be read. */
export type Protection = "clear" | "decrypted" | "encrypted";

/** A rung of the ladder. */
export interface Step {
  from: Side;
  /** `client_hello`, `alert unknown_ca`, `application_data`, `FIN`; an encrypted record that says no more is `encrypted_record`. */
  name: string;
  protection: Protection;
  /** Of the message, or of the records it stands for; 0 for TCP's own. */
  bytes: number;
  /** How many records or messages in a row this step stands for. */
  count: number;
  packet: number;
  timeMs: number;
}

/** An alert as it was seen; the number is unknown when nothing opens its record. */
export interface SeenAlert {
  from: Side;
  alert: Alert | undefined;
  packet: number;
  timeMs: number;
}

/** An encrypted record of TLS 1.3's handshake that nothing opened: all that shows is its length and its place. */
export interface EncryptedRecord {
  from: Side;
  /** Of the record's body. */
  length: number;
  packet: number;
  timeMs: number;
}

/** What one TLS connection said, as far as it could be read. Facts only: what they mean is judged elsewhere. */
export interface Conversation {
  clientHello: ClientHello | undefined;
  serverHello: ServerHello | undefined;
  /** A HelloRetryRequest came first. */
  wasRetried: boolean;
  /** Negotiated; 0 until the ServerHello or HelloRetryRequest. */
  version: number;
  request: CertificateRequest | undefined;
  /** DER, leaf first; undefined until a Certificate message was read, empty when it said "none". */
  clientCertificates: Buffer[] | undefined;
  serverCertificates: Buffer[] | undefined;
  /** Whether the client proved that it has the key. */
  sawCertificateVerify: boolean;
  /** Negotiated protocol. */
  alpn: string | undefined;
  finished: Record<Side, boolean>;
  /** Records of application data; encrypted records of TLS 1.3 that were not opened count once the handshake is over. */
  applicationRecords: Record<Side, number>;
  applicationBytes: Record<Side, number>;
  alerts: SeenAlert[];
  /** The first of them, in order; see `maxEncryptedRecords`. */
  encryptedRecords: EncryptedRecord[];
  /** Whether secrets of this connection were in a key log, and whether they opened its records. */
  hasSecrets: boolean;
  sawDecryption: boolean;
  steps: Step[];
  /** Steps beyond the limit. */
  droppedSteps: number;
  /** Messages and records that do not read, with their packet. */
  problems: string[];
  droppedProblems: number;
  /** What a side said instead of TLS, its first bytes. */
  notTls: Partial<Record<Side, Buffer>>;
}

export const maxEncryptedRecords = 64;
const maxSteps = 64;
const maxProblems = 16;

export function newConversation(): Conversation {
  return {
    clientHello: undefined,
    serverHello: undefined,
    wasRetried: false,
    version: 0,
    request: undefined,
    clientCertificates: undefined,
    serverCertificates: undefined,
    sawCertificateVerify: false,
    alpn: undefined,
    finished: { client: false, server: false },
    applicationRecords: { client: 0, server: 0 },
    applicationBytes: { client: 0, server: 0 },
    alerts: [],
    encryptedRecords: [],
    hasSecrets: false,
    sawDecryption: false,
    steps: [],
    droppedSteps: 0,
    problems: [],
    droppedProblems: 0,
    notTls: {},
  };
}

/** Adds a rung, or lengthens the last one when it is the same again. Runs for each record: nothing is made in vain. */
export function addStep(
  conversation: Conversation,
  from: Side,
  name: string,
  protection: Protection,
  bytes: number,
  packet: number,
  timeMs: number,
): void {
  const { steps } = conversation;
  const last = steps[steps.length - 1];
  if (last !== undefined && last.name === name && last.from === from && isRepeated(name)) {
    last.count++;
    last.bytes += bytes;
  } else if (steps.length >= maxSteps) conversation.droppedSteps++;
  else steps.push({ from, name, protection, bytes, count: 1, packet, timeMs });
}

function isRepeated(name: string): boolean {
  return name === "application_data" || name === "new_session_ticket";
}

export function addProblem(conversation: Conversation, problem: string): void {
  if (conversation.problems.length >= maxProblems) conversation.droppedProblems++;
  else conversation.problems.push(problem);
}
