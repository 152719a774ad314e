import { type RawExtension, readExtensions, writeExtensions } from "../extensions/extension.js";
import { readWhole } from "../reader.js";
import { written } from "../writer.js";

/** RFC 8446 section 4.6.1; TLS 1.2's form (RFC 5077 section 3.3) has lifetime and ticket only. */
export interface NewSessionTicket {
  lifetimeSeconds: number;
  ageAdd: number;
  nonce: Buffer;
  ticket: Buffer;
  extensions: RawExtension[];
}

export function readNewSessionTicket13(body: Buffer): NewSessionTicket {
  return readWhole(body, "NewSessionTicket", (reader) => ({
    lifetimeSeconds: reader.u32(),
    ageAdd: reader.u32(),
    nonce: reader.vector(1).rest(),
    ticket: reader.vector(2).rest(),
    extensions: readExtensions(reader),
  }));
}

export function readNewSessionTicket12(body: Buffer): NewSessionTicket {
  return readWhole(body, "NewSessionTicket", (reader) => ({
    lifetimeSeconds: reader.u32(),
    ageAdd: 0,
    nonce: Buffer.alloc(0),
    ticket: reader.vector(2).rest(),
    extensions: [],
  }));
}

export function writeNewSessionTicket13(ticket: NewSessionTicket): Buffer {
  return written((writer) => {
    writer.u32(ticket.lifetimeSeconds).u32(ticket.ageAdd).vector(1, ticket.nonce).vector(2, ticket.ticket);
    writeExtensions(writer, ticket.extensions);
  });
}

export function writeNewSessionTicket12({
  lifetimeSeconds,
  ticket,
}: Pick<NewSessionTicket, "lifetimeSeconds" | "ticket">): Buffer {
  return written((writer) => writer.u32(lifetimeSeconds).vector(2, ticket));
}
