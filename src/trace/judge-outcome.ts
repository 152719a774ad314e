import { tls13 } from "../tls/tables/protocol.js";
import type { Connection } from "./connection.js";
import type { Conversation } from "./conversation.js";
import { alertBytes, recordOverhead } from "./inference.js";
import type { TracedConnection } from "./report-schema.js";

interface Outcome {
  outcome: TracedConnection["outcome"];
  /** Lengths and order were all there was to go by. */
  isInferred: boolean;
}

/** How the handshake ended, when it did. */
export function judgeOutcome(connection: Connection, isRefused: boolean): Outcome {
  const { conversation } = connection;
  const settled = (outcome: Outcome["outcome"]): Outcome => ({ outcome, isInferred: false });
  if (isRefused) return settled("refused");
  if (conversation.notTls.server !== undefined || conversation.notTls.client !== undefined) return settled("not_tls");
  if (isAccepted(conversation)) return settled("accepted");
  if (looksAccepted(conversation)) return { outcome: "accepted", isInferred: true };
  const isClosed = connection.resetBy !== undefined || connection.streams.some(({ isFinished }) => isFinished);
  return settled(isClosed ? "abandoned" : "unfinished");
}

/**
 * Both sides have finished. In TLS 1.3 that alone proves nothing: a server judges the client's certificate after its own
 * Finished, so only something it sends afterwards says yes, or an orderly end.
 */
function isAccepted({ finished, version, applicationRecords, steps, alerts }: Conversation): boolean {
  if (version === 0 || !finished.client || !finished.server)
    return version === 0 && applicationRecords.client > 0 && applicationRecords.server > 0;
  if (version < tls13) return true;
  const isAnswered = steps.some(({ from, name }) => from === "server" && name === "new_session_ticket");
  return isAnswered || applicationRecords.server > 0 || alerts.some(({ from }) => from === "server");
}

/** TLS 1.3 without keys: the server went on after the client's flight with more than an alert. */
function looksAccepted(conversation: Conversation): boolean {
  const { version, encryptedRecords, sawDecryption, applicationRecords } = conversation;
  if (version < tls13 || sawDecryption) return false;
  const firstOfClient = encryptedRecords.findIndex(({ from }) => from === "client");
  if (firstOfClient === -1) return applicationRecords.server > 0;
  const alertLength = alertBytes + recordOverhead(conversation, "server");
  return encryptedRecords.slice(firstOfClient).some(({ from, length }) => from === "server" && length !== alertLength);
}
