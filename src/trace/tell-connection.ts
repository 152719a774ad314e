import { isoTime } from "../core/iso-time.js";
import { faults } from "../faults/faults.js";
import { alertLevels, alertMeanings, alertName, alertNumbers } from "../tls/alert.js";
import { alpn } from "../tls/extensions/alpn.js";
import { type ExtensionCodec, extensionValue } from "../tls/extensions/extension.js";
import { hostName, serverName } from "../tls/extensions/server-name.js";
import { isMalformed } from "../tls/malformed.js";
import { cipherSuites } from "../tls/tables/cipher-suites.js";
import { protocolVersions, tls13 } from "../tls/tables/protocol.js";
import { addressText } from "./address.js";
import type { Connection, Endpoint } from "./connection.js";
import type { Conversation, SeenAlert, Step } from "./conversation.js";
import { type Inference, inferHandshake } from "./inference.js";
import { judgeAlert, type SuspectedFault } from "./judge-alert.js";
import { judgeOutcome } from "./judge-outcome.js";
import type { CertificateCache, PresentedCertificate } from "./presented-certificate.js";
import type { TracedAlert, TracedConnection } from "./report-schema.js";
import { serverRole } from "./server-role.js";

/** A connection as the report tells it. */
export function tellConnection(connection: Connection, certificates: CertificateCache): TracedConnection {
  const { conversation } = connection;
  const inference = inferHandshake(connection);
  const client = (conversation.clientCertificates ?? []).map((der) => certificates.read(der));
  const server = (conversation.serverCertificates ?? []).map((der) => certificates.read(der));
  const alerts = tellAlerts(connection, inference);
  const alert = alerts.find(isRefusal) ?? null;
  const isRefused = alert !== null && !isAfterAcceptance(conversation, alert) && !isAfterLeave(conversation, alert);
  const { outcome, isInferred } = judgeOutcome(connection, isRefused);
  return {
    number: connection.number,
    client: tellEndpoint(connection.client),
    server: tellEndpoint(connection.server),
    server_role: serverRole(connection.server.port, namesOf(conversation, server)),
    started: isoTime(connection.firstTimeMs),
    duration_ms: rounded(connection.lastTimeMs - connection.firstTimeMs),
    outcome,
    outcome_inferred: isInferred || alert?.inferred === true,
    ...tellNegotiation(conversation),
    decrypted: conversation.sawDecryption,
    ...tellRequest(conversation, inference, certificates),
    client_certificates: client.map(({ told }) => told),
    server_certificates: server.map(({ told }) => told),
    alert,
    alerts,
    fault: tellFault(suspectedFault(connection, alert, client, server, inference)),
    inferences: [...(inference?.because ?? []), ...(outcome === "abandoned" ? wordSilence(conversation) : [])],
    ...tellTraffic(connection),
  };
}

/** What the server is asked for by, and what its certificate calls it. */
function namesOf(conversation: Conversation, [leaf]: readonly PresentedCertificate[]): string[] {
  const asked = hostName(helloValue(conversation, serverName));
  const presented = leaf?.facts === undefined ? [] : [leaf.facts.subject, ...leaf.facts.sans.map(({ value }) => value)];
  return asked === undefined ? presented : [asked, ...presented];
}

function tellEndpoint({ address, port }: Endpoint): TracedConnection["client"] {
  return { address: addressText(address), port };
}

function tellNegotiation(
  conversation: Conversation,
): Pick<TracedConnection, "version" | "cipher_suite" | "server_name" | "alpn_offered" | "alpn"> {
  const { version, serverHello } = conversation;
  return {
    version: version === 0 ? null : protocolVersions.name(version),
    cipher_suite: serverHello === undefined ? null : cipherSuites.name(serverHello.cipherSuite),
    server_name: hostName(helloValue(conversation, serverName)) ?? null,
    alpn_offered: helloValue(conversation, alpn) ?? [],
    alpn: conversation.alpn ?? null,
  };
}

/** An extension that does not read says nothing; the hello around it still counts. */
function helloValue<T>({ clientHello }: Conversation, codec: ExtensionCodec<T>): T | undefined {
  if (clientHello === undefined) return undefined;
  try {
    return extensionValue(clientHello.extensions, codec);
  } catch (error) {
    if (!isMalformed(error)) throw error;
    return undefined;
  }
}

type Request = Pick<
  TracedConnection,
  "client_certificate_requested" | "client_certificate" | "key_proven" | "ca_names"
>;

function tellRequest(
  conversation: Conversation,
  inference: Inference | undefined,
  certificates: CertificateCache,
): Request {
  const { request, clientCertificates } = conversation;
  const answer = answerOf(conversation, inference);
  const requested = request !== undefined || clientCertificates !== undefined;
  const byAnswer = answer === "unknown" ? null : answer !== "not_asked";
  return {
    client_certificate_requested: requested || byAnswer,
    client_certificate: answer,
    key_proven:
      clientCertificates === undefined || clientCertificates.length === 0 ? null : conversation.sawCertificateVerify,
    ca_names: request === undefined ? null : request.authorities.map((name) => certificates.nameText(name)),
  };
}

const inferredAnswers = { none_asked: "not_asked", empty: "none_sent", sent: "presented", unknown: "unknown" } as const;

function answerOf(
  conversation: Conversation,
  inference: Inference | undefined,
): TracedConnection["client_certificate"] {
  const { clientCertificates, request, finished, version, sawDecryption } = conversation;
  if (clientCertificates !== undefined) return clientCertificates.length === 0 ? "none_sent" : "presented";
  if (inference !== undefined) return inferredAnswers[inference.clientCertificate];
  const isReadable = (version !== 0 && version < tls13) || sawDecryption;
  return isReadable && request === undefined && finished.client ? "not_asked" : "unknown";
}

function tellAlerts(connection: Connection, inference: Inference | undefined): TracedAlert[] {
  const alerts = connection.conversation.alerts.map((alert) => tellAlert(connection, alert));
  if (inference?.alert === undefined) return alerts;
  const { from, packet, timeMs } = inference.alert;
  const inferred = tellAlert(connection, { from, packet, timeMs, alert: undefined });
  return [...alerts, { ...inferred, inferred: true, meaning: "encrypted record of an alert's length, number unknown" }];
}

function tellAlert(connection: Connection, { from, alert, packet, timeMs }: SeenAlert): TracedAlert {
  const base = {
    from,
    inferred: false,
    after_client_finished: isAfterClientFinished(connection.conversation, packet),
    packet,
    at_ms: rounded(timeMs - connection.firstTimeMs),
  };
  if (alert === undefined) {
    return { number: null, name: null, level: null, meaning: "encrypted alert, number unknown", ...base };
  }
  const level = alert.level === alertLevels.warning ? "warning" : alert.level === alertLevels.fatal ? "fatal" : null;
  const meaning = alertMeanings[alert.number]?.meaning ?? "sent an alert that no registry names";
  return { number: alert.number, name: alertName(alert.number), level, meaning, ...base };
}

function isAfterClientFinished({ steps, encryptedRecords }: Conversation, packet: number): boolean | null {
  const finished = steps.find(({ from, name }) => from === "client" && name === "finished");
  if (finished !== undefined) return packet >= finished.packet;
  // Encrypted: the client's flight stands for its Finished.
  const flight = encryptedRecords.find(({ from }) => from === "client");
  return flight === undefined ? null : packet > flight.packet;
}

const orderly: ReadonlySet<number> = new Set([alertNumbers.closeNotify, alertNumbers.userCanceled]);

/** An encrypted alert of TLS 1.2 comes after the handshake, where close_notify is the rule: it refuses nothing by itself. */
function isRefusal({ number, inferred }: TracedAlert): boolean {
  return number === null ? inferred : !orderly.has(number);
}

/**
 * Data of the server, or in TLS 1.3 its ticket behind the client's Finished, says that it accepted: an alert after that
 * ends a connection and refuses nothing, as OpenSSL's decode_error does when the peer closes without close_notify.
 */
function isAfterAcceptance({ steps, version }: Conversation, { packet }: TracedAlert): boolean {
  const finishedAt = steps.findIndex(({ from, name }) => from === "client" && name === "finished");
  return steps.some((step, at) => {
    if (step.from !== "server" || step.packet > packet) return false;
    const isTicket = version >= tls13 && step.name === "new_session_ticket" && finishedAt !== -1 && at > finishedAt;
    return isTicket || step.name === "application_data";
  });
}

/** What a side says about the handshake's end when the other one has hung up in the middle of it. */
const aboutTheEnd: ReadonlySet<number> = new Set([
  alertNumbers.handshakeFailure,
  alertNumbers.decodeError,
  alertNumbers.internalError,
]);

/** The other side had closed before: it was the one that did not go on. */
function isAfterLeave({ steps }: Conversation, { from, number, packet }: TracedAlert): boolean {
  if (number === null || !aboutTheEnd.has(number)) return false;
  return steps.some((step) => step.from !== from && step.packet < packet && isClose(step));
}

const isClose = ({ name }: Step): boolean => name === "FIN" || name === "RST";

/** A server that hangs up where its answer to the client's certificate was due. */
function wordSilence({ steps, clientCertificates }: Conversation): string[] {
  const close = steps.find(isClose);
  if (clientCertificates === undefined || close?.from !== "server") return [];
  const how = close.name === "RST" ? "reset" : "closed";
  return [`the server ${how} the connection after the client's certificate without an alert, as Node's servers refuse`];
}

function suspectedFault(
  connection: Connection,
  alert: TracedAlert | null,
  client: readonly PresentedCertificate[],
  server: readonly PresentedCertificate[],
  inference: Inference | undefined,
): SuspectedFault | undefined {
  const { conversation } = connection;
  if (conversation.notTls.server !== undefined && conversation.clientHello !== undefined) {
    return { id: "verifier-not-tls", why: "the server answered the ClientHello with something else than TLS" };
  }
  if (alert === null) return undefined;
  if (alert.number === null) return inferredFault(alert, inference);
  return judgeAlert({
    from: alert.from,
    alert: alert.number,
    clientChain: conversation.clientCertificates && factsOf(client),
    serverChain: factsOf(server),
    isKeyShown: conversation.sawCertificateVerify,
    serverName: hostName(helloValue(conversation, serverName)),
    serverPort: connection.server.port,
    nowMs: connection.firstTimeMs + alert.at_ms,
  });
}

function inferredFault({ from }: TracedAlert, inference: Inference | undefined): SuspectedFault | undefined {
  if (from !== "server" || inference?.clientCertificate !== "empty") return undefined;
  return {
    id: "client-cert-not-sent",
    why: "by its length the client's certificate list is empty, and the server ended it",
  };
}

function factsOf(presented: readonly PresentedCertificate[]) {
  return presented.flatMap(({ facts }) => (facts === undefined ? [] : [facts]));
}

function tellFault(fault: SuspectedFault | undefined): TracedConnection["fault"] {
  if (fault === undefined) return null;
  const { title, advice } = faults[fault.id];
  return { id: fault.id, title, advice, why: fault.why };
}

function tellTraffic(connection: Connection) {
  const { conversation, streams } = connection;
  const { droppedProblems, problems } = conversation;
  return {
    steps: conversation.steps.map(({ from, name, protection, bytes, count, packet, timeMs }) => ({
      from,
      name,
      protection,
      bytes,
      count,
      packet,
      at_ms: rounded(timeMs - connection.firstTimeMs),
    })),
    dropped_steps: conversation.droppedSteps,
    application_bytes: { ...conversation.applicationBytes },
    packets: connection.packets,
    lost_bytes: streams[0].lostBytes + streams[1].lostBytes,
    repeated_bytes: streams[0].repeatedBytes + streams[1].repeatedBytes,
    mid_stream: streams.some(({ isMidStream }) => isMidStream),
    problems: droppedProblems === 0 ? problems : [...problems, `and ${droppedProblems} more`],
  };
}

/** Microseconds, never negative: packets of a re-ordered capture may precede the first. */
function rounded(ms: number): number {
  return Math.max(0, Math.round(ms * 1000) / 1000);
}
