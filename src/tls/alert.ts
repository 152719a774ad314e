import { readWhole } from "./reader.js";

export interface Alert {
  level: number;
  number: number;
}

export interface AlertMeaning {
  name: string;
  /** Where the number is defined. */
  rfc: string;
  /** Past tense; reads on after "the verifier". "Ours" is the side the alert was sent to. */
  meaning: string;
  /** The reason OpenSSL, and with it Node, curl and Python, prints on receipt. */
  openssl: string;
  /** What Go's crypto/tls prints behind `remote error: tls: `. */
  go: string;
}

export const alertLevels = { warning: 1, fatal: 2 } as const;

/** Numbers of the alerts this program sends or looks for. */
export const alertNumbers = {
  closeNotify: 0,
  unexpectedMessage: 10,
  badRecordMac: 20,
  recordOverflow: 22,
  handshakeFailure: 40,
  badCertificate: 42,
  unsupportedCertificate: 43,
  certificateExpired: 45,
  certificateUnknown: 46,
  illegalParameter: 47,
  unknownCa: 48,
  decodeError: 50,
  decryptError: 51,
  protocolVersion: 70,
  internalError: 80,
  userCanceled: 90,
  missingExtension: 109,
  unrecognizedName: 112,
  certificateRequired: 116,
} as const;

export function readAlert(bytes: Buffer): Alert {
  return readWhole(bytes, "alert", (reader) => ({ level: reader.u8(), number: reader.u8() }));
}

export function writeAlert({ level, number }: Alert): Buffer {
  return Buffer.from([level, number]);
}

export function alertName(number: number): string {
  return alertMeanings[number]?.name ?? hexNumber(number);
}

/** `did not recognise the CA that issued our certificate (unknown_ca, 48)`, to follow "the verifier". */
export function alertText(number: number): string {
  const known = alertMeanings[number];
  if (known === undefined) return `sent an alert that no registry names (${hexNumber(number)})`;
  return `${known.meaning} (${known.name}, ${number})`;
}

function hexNumber(number: number): string {
  return `0x${number.toString(16).padStart(2, "0")}`;
}

const meaning = (name: string, rfc: string, text: string, openssl: string, go: string): AlertMeaning => ({
  name,
  rfc,
  meaning: text,
  openssl,
  go,
});

// https://www.iana.org/assignments/tls-parameters/ (TLS Alerts); the texts of OpenSSL 3.0 and Go 1.26.
export const alertMeanings: Readonly<Record<number, AlertMeaning>> = {
  0: meaning("close_notify", "RFC 8446 6.1", "ended the connection in order", "close notify", "close notify"),
  10: meaning(
    "unexpected_message",
    "RFC 8446 6.2",
    "received a message that did not fit the state of the handshake",
    "sslv3 alert unexpected message",
    "unexpected message",
  ),
  20: meaning(
    "bad_record_mac",
    "RFC 8446 6.2",
    "could not decrypt a record",
    "sslv3 alert bad record mac",
    "bad record MAC",
  ),
  21: meaning(
    "decryption_failed",
    "RFC 5246 7.2.2",
    "could not decrypt a record",
    "tlsv1 alert decryption failed",
    "decryption failed",
  ),
  22: meaning(
    "record_overflow",
    "RFC 8446 6.2",
    "received a record longer than TLS allows",
    "tlsv1 alert record overflow",
    "record overflow",
  ),
  30: meaning(
    "decompression_failure",
    "RFC 5246 7.2.2",
    "could not decompress a record",
    "sslv3 alert decompression failure",
    "decompression failure",
  ),
  40: meaning(
    "handshake_failure",
    "RFC 8446 6.2",
    "found no set of parameters that both sides accept",
    "sslv3 alert handshake failure",
    "handshake failure",
  ),
  41: meaning(
    "no_certificate",
    "RFC 6101 5.4.2",
    "had no certificate to present",
    "sslv3 alert no certificate",
    "alert(41)",
  ),
  42: meaning(
    "bad_certificate",
    "RFC 8446 6.2",
    "took our certificate for damaged, not yet valid, or too weak",
    "sslv3 alert bad certificate",
    "bad certificate",
  ),
  43: meaning(
    "unsupported_certificate",
    "RFC 8446 6.2",
    "found that our certificate is not meant for this use (its extended key usage)",
    "sslv3 alert unsupported certificate",
    "unsupported certificate",
  ),
  44: meaning(
    "certificate_revoked",
    "RFC 8446 6.2",
    "found our certificate revoked",
    "sslv3 alert certificate revoked",
    "revoked certificate",
  ),
  45: meaning(
    "certificate_expired",
    "RFC 8446 6.2",
    "found our certificate expired",
    "sslv3 alert certificate expired",
    "expired certificate",
  ),
  46: meaning(
    "certificate_unknown",
    "RFC 8446 6.2",
    "refused our certificate for a reason it did not name",
    "sslv3 alert certificate unknown",
    "unknown certificate",
  ),
  47: meaning(
    "illegal_parameter",
    "RFC 8446 6.2",
    "found a field of the handshake contradicting another or out of range",
    "sslv3 alert illegal parameter",
    "illegal parameter",
  ),
  48: meaning(
    "unknown_ca",
    "RFC 8446 6.2",
    "did not recognise the CA that issued our certificate",
    "tlsv1 alert unknown ca",
    "unknown certificate authority",
  ),
  49: meaning(
    "access_denied",
    "RFC 8446 6.2",
    "accepted our certificate and refused access all the same",
    "tlsv1 alert access denied",
    "access denied",
  ),
  50: meaning(
    "decode_error",
    "RFC 8446 6.2",
    "could not decode a message",
    "tlsv1 alert decode error",
    "error decoding message",
  ),
  51: meaning(
    "decrypt_error",
    "RFC 8446 6.2",
    "could not verify a signature or a Finished message",
    "tlsv1 alert decrypt error",
    "error decrypting message",
  ),
  52: meaning(
    "too_many_cids_requested",
    "RFC 9147 10",
    "was asked for too many connection ids",
    "unknown alert type",
    "alert(52)",
  ),
  60: meaning(
    "export_restriction",
    "RFC 2246 7.2.2",
    "refused parameters that break export rules",
    "tlsv1 alert export restriction",
    "export restriction",
  ),
  70: meaning(
    "protocol_version",
    "RFC 8446 6.2",
    "speaks no TLS version that we offered",
    "tlsv1 alert protocol version",
    "protocol version not supported",
  ),
  71: meaning(
    "insufficient_security",
    "RFC 8446 6.2",
    "wanted stronger parameters than we offered",
    "tlsv1 alert insufficient security",
    "insufficient security level",
  ),
  80: meaning(
    "internal_error",
    "RFC 8446 6.2",
    "had an internal error that has nothing to do with us",
    "tlsv1 alert internal error",
    "internal error",
  ),
  86: meaning(
    "inappropriate_fallback",
    "RFC 7507 3",
    "saw us retry with a lower TLS version than it supports",
    "tlsv1 alert inappropriate fallback",
    "inappropriate fallback",
  ),
  90: meaning(
    "user_canceled",
    "RFC 8446 6.1",
    "gave the handshake up for a reason outside TLS",
    "tlsv1 alert user cancelled",
    "user canceled",
  ),
  100: meaning(
    "no_renegotiation",
    "RFC 5246 7.2.2",
    "refused to renegotiate",
    "tlsv1 alert no renegotiation",
    "no renegotiation",
  ),
  109: meaning(
    "missing_extension",
    "RFC 8446 6.2",
    "missed an extension that the handshake needs",
    "tlsv13 alert missing extension",
    "missing extension",
  ),
  110: meaning(
    "unsupported_extension",
    "RFC 8446 6.2",
    "received an extension it had not offered",
    "tlsv1 unsupported extension",
    "unsupported extension",
  ),
  111: meaning(
    "certificate_unobtainable",
    "RFC 6066 9",
    "could not fetch our certificate from the URL we gave",
    "tlsv1 certificate unobtainable",
    "certificate unobtainable",
  ),
  112: meaning(
    "unrecognized_name",
    "RFC 6066 3",
    "serves no host of the name we asked for",
    "tlsv1 unrecognized name",
    "unrecognized name",
  ),
  113: meaning(
    "bad_certificate_status_response",
    "RFC 6066 8",
    "took our OCSP response for invalid",
    "tlsv1 bad certificate status response",
    "bad certificate status response",
  ),
  114: meaning(
    "bad_certificate_hash_value",
    "RFC 6066 9",
    "found a certificate that does not match the hash we gave",
    "tlsv1 bad certificate hash value",
    "bad certificate hash value",
  ),
  115: meaning(
    "unknown_psk_identity",
    "RFC 8446 6.2",
    "did not know the pre-shared key we named",
    "tlsv1 alert unknown psk identity",
    "unknown PSK identity",
  ),
  116: meaning(
    "certificate_required",
    "RFC 8446 6.2",
    "requires a client certificate and received none",
    "tlsv13 alert certificate required",
    "certificate required",
  ),
  117: meaning(
    "general_error",
    "RFC 9846 6.2",
    "had an error that no other alert covers",
    "unknown alert type",
    "alert(117)",
  ),
  120: meaning(
    "no_application_protocol",
    "RFC 7301 3.2",
    "speaks none of the application protocols we offered",
    "tlsv1 alert no application protocol",
    "no application protocol",
  ),
  121: meaning(
    "ech_required",
    "RFC 9849 5",
    "requires an encrypted client hello",
    "unknown alert type",
    "encrypted client hello required",
  ),
};
