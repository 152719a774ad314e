import type { HandshakeMessage } from "../handshake-reader.js";
import { handshakeTypes, tls13 } from "../tables/protocol.js";
import { type CertificateMessage, readCertificate12, readCertificate13 } from "./certificate.js";
import { type CertificateRequest, readCertificateRequest12, readCertificateRequest13 } from "./certificate-request.js";
import { type CertificateVerify, readCertificateVerify } from "./certificate-verify.js";
import { type ClientHello, readClientHello } from "./client-hello.js";
import { type EncryptedExtensions, readEncryptedExtensions } from "./encrypted-extensions.js";
import { type Finished, readFinished } from "./finished.js";
import { type KeyUpdate, readKeyUpdate } from "./key-update.js";
import { type NewSessionTicket, readNewSessionTicket12, readNewSessionTicket13 } from "./new-session-ticket.js";
import { readServerHello, type ServerHello } from "./server-hello.js";

/** A handshake message with its body decoded; `kind` is the registry's name. */
export type Handshake =
  | ({ kind: "client_hello" } & ClientHello)
  | ({ kind: "server_hello" } & ServerHello)
  | ({ kind: "encrypted_extensions" } & EncryptedExtensions)
  | ({ kind: "certificate_request" } & CertificateRequest)
  | ({ kind: "certificate" } & CertificateMessage)
  | ({ kind: "certificate_verify" } & CertificateVerify)
  | ({ kind: "finished" } & Finished)
  | ({ kind: "new_session_ticket" } & NewSessionTicket)
  | ({ kind: "key_update" } & KeyUpdate)
  /** Key exchange parameters of TLS 1.2 stay bytes: their form depends on the cipher suite. */
  | { kind: "server_key_exchange" | "client_key_exchange"; parameters: Buffer }
  /** Everything else, unknown types included: the name (or number in hex) and the bytes. */
  | { kind: "other"; name: string; body: Buffer };

const { values: types } = handshakeTypes;

/** Decodes a message. `version` is the negotiated one: several messages changed their form with TLS 1.3. */
export function readHandshake({ type, body }: Pick<HandshakeMessage, "type" | "body">, version: number): Handshake {
  const is13 = version >= tls13;
  switch (type) {
    case types.client_hello:
      return { kind: "client_hello", ...readClientHello(body) };
    case types.server_hello:
      return { kind: "server_hello", ...readServerHello(body) };
    case types.encrypted_extensions:
      return { kind: "encrypted_extensions", ...readEncryptedExtensions(body) };
    case types.certificate_request:
      return {
        kind: "certificate_request",
        ...(is13 ? readCertificateRequest13(body) : readCertificateRequest12(body)),
      };
    case types.certificate:
      return { kind: "certificate", ...(is13 ? readCertificate13(body) : readCertificate12(body)) };
    case types.certificate_verify:
      return { kind: "certificate_verify", ...readCertificateVerify(body) };
    case types.finished:
      return { kind: "finished", ...readFinished(body) };
    case types.new_session_ticket:
      return { kind: "new_session_ticket", ...(is13 ? readNewSessionTicket13(body) : readNewSessionTicket12(body)) };
    case types.key_update:
      return { kind: "key_update", ...readKeyUpdate(body) };
    case types.server_key_exchange:
      return { kind: "server_key_exchange", parameters: body };
    case types.client_key_exchange:
      return { kind: "client_key_exchange", parameters: body };
    default:
      return { kind: "other", name: handshakeTypes.name(type), body };
  }
}
