import { alertNumbers } from "../../tls/alert.js";
import { handshakeTypes } from "../../tls/tables/protocol.js";
import { Refusal } from "./refusal.js";

/** Refuses a message that is not due; `undefined` is due when the handshake is done. */
export function checkExpected(received: number, expected: number | undefined): void {
  if (received === expected) return;
  const due = expected === undefined ? "nothing more" : handshakeTypes.name(expected);
  throw new Refusal(alertNumbers.unexpectedMessage, `received ${handshakeTypes.name(received)}, expected ${due}`);
}
