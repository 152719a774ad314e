import { WireTable } from "./wire-table.js";

// https://www.iana.org/assignments/tls-parameters/ (TLS ContentType, TLS HandshakeType).

export const contentTypes = new WireTable(2, {
  change_cipher_spec: 0x14,
  alert: 0x15,
  handshake: 0x16,
  application_data: 0x17,
  heartbeat: 0x18,
  tls12_cid: 0x19,
  ACK: 0x1a,
});

export const handshakeTypes = new WireTable(2, {
  hello_request: 0x00,
  client_hello: 0x01,
  server_hello: 0x02,
  hello_verify_request: 0x03,
  new_session_ticket: 0x04,
  end_of_early_data: 0x05,
  hello_retry_request: 0x06,
  encrypted_extensions: 0x08,
  request_connection_id: 0x09,
  new_connection_id: 0x0a,
  certificate: 0x0b,
  server_key_exchange: 0x0c,
  certificate_request: 0x0d,
  server_hello_done: 0x0e,
  certificate_verify: 0x0f,
  client_key_exchange: 0x10,
  client_certificate_request: 0x11,
  finished: 0x14,
  certificate_url: 0x15,
  certificate_status: 0x16,
  supplemental_data: 0x17,
  key_update: 0x18,
  compressed_certificate: 0x19,
  ekt_key: 0x1a,
  message_hash: 0xfe,
});

// RFC 8446 section 4.2.1, RFC 5246 appendix E, RFC 6101.
export const protocolVersions = new WireTable(4, {
  "SSL 3.0": 0x0300,
  "TLS 1.0": 0x0301,
  "TLS 1.1": 0x0302,
  "TLS 1.2": 0x0303,
  "TLS 1.3": 0x0304,
});

export const tls12 = 0x0303;
export const tls13 = 0x0304;
