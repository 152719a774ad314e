import type { TrustError } from "./verdict.js";

interface ErrorRow {
  number: number;
  text: string;
  /** Alert of ssl_x509err2alert (OpenSSL 3.0, ssl/statem/statem_lib.c); what is not in its table is 46. */
  alert: number;
}

/** X509_V_ERR_* of OpenSSL 3.0 (include/openssl/x509_vfy.h.in, crypto/x509/x509_txt.c) that a chain can end in. */
const errors = {
  UNABLE_TO_GET_ISSUER_CERT: { number: 2, text: "unable to get issuer certificate", alert: 48 },
  UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: { number: 6, text: "unable to decode issuer public key", alert: 42 },
  CERT_SIGNATURE_FAILURE: { number: 7, text: "certificate signature failure", alert: 51 },
  CERT_NOT_YET_VALID: { number: 9, text: "certificate is not yet valid", alert: 42 },
  CERT_HAS_EXPIRED: { number: 10, text: "certificate has expired", alert: 45 },
  DEPTH_ZERO_SELF_SIGNED_CERT: { number: 18, text: "self-signed certificate", alert: 48 },
  SELF_SIGNED_CERT_IN_CHAIN: { number: 19, text: "self-signed certificate in certificate chain", alert: 48 },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: { number: 20, text: "unable to get local issuer certificate", alert: 48 },
  CERT_CHAIN_TOO_LONG: { number: 22, text: "certificate chain too long", alert: 48 },
  PATH_LENGTH_EXCEEDED: { number: 25, text: "path length constraint exceeded", alert: 48 },
  INVALID_PURPOSE: { number: 26, text: "unsuitable certificate purpose", alert: 43 },
  KEYUSAGE_NO_CERTSIGN: { number: 32, text: "key usage does not include certificate signing", alert: 46 },
  UNHANDLED_CRITICAL_EXTENSION: { number: 34, text: "unhandled critical extension", alert: 46 },
  PROXY_CERTIFICATES_NOT_ALLOWED: {
    number: 40,
    text: "proxy certificates not allowed, please set the appropriate flag",
    alert: 46,
  },
  PERMITTED_VIOLATION: { number: 47, text: "permitted subtree violation", alert: 46 },
  EXCLUDED_VIOLATION: { number: 48, text: "excluded subtree violation", alert: 46 },
  SUBTREE_MINMAX: { number: 49, text: "name constraints minimum and maximum not supported", alert: 46 },
  UNSUPPORTED_CONSTRAINT_TYPE: { number: 51, text: "unsupported name constraint type", alert: 46 },
  UNSUPPORTED_CONSTRAINT_SYNTAX: { number: 52, text: "unsupported or invalid name constraint syntax", alert: 46 },
  UNSUPPORTED_NAME_SYNTAX: { number: 53, text: "unsupported or invalid name syntax", alert: 46 },
  HOSTNAME_MISMATCH: { number: 62, text: "hostname mismatch", alert: 42 },
  IP_ADDRESS_MISMATCH: { number: 64, text: "IP address mismatch", alert: 42 },
  EE_KEY_TOO_SMALL: { number: 66, text: "EE certificate key too weak", alert: 42 },
  CA_KEY_TOO_SMALL: { number: 67, text: "CA certificate key too weak", alert: 42 },
  CA_MD_TOO_WEAK: { number: 68, text: "CA signature digest algorithm too weak", alert: 42 },
  INVALID_CA: { number: 79, text: "invalid CA certificate", alert: 48 },
  PATHLEN_INVALID_FOR_NON_CA: { number: 80, text: "Path length invalid for non-CA cert", alert: 46 },
  PATHLEN_WITHOUT_KU_KEY_CERT_SIGN: { number: 81, text: "Path length given without key usage keyCertSign", alert: 46 },
  KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA: { number: 82, text: "Key usage keyCertSign invalid for non-CA cert", alert: 46 },
  ISSUER_NAME_EMPTY: { number: 83, text: "Issuer name empty", alert: 46 },
  SUBJECT_NAME_EMPTY: { number: 84, text: "Subject name empty", alert: 46 },
  MISSING_AUTHORITY_KEY_IDENTIFIER: { number: 85, text: "Missing Authority Key Identifier", alert: 46 },
  MISSING_SUBJECT_KEY_IDENTIFIER: { number: 86, text: "Missing Subject Key Identifier", alert: 46 },
  EMPTY_SUBJECT_ALT_NAME: { number: 87, text: "Empty Subject Alternative Name extension", alert: 46 },
  EMPTY_SUBJECT_SAN_NOT_CRITICAL: {
    number: 88,
    text: "Subject empty and Subject Alt Name extension not critical",
    alert: 46,
  },
  CA_BCONS_NOT_CRITICAL: { number: 89, text: "Basic Constraints of CA cert not marked critical", alert: 46 },
  AUTHORITY_KEY_IDENTIFIER_CRITICAL: { number: 90, text: "Authority Key Identifier marked critical", alert: 46 },
  SUBJECT_KEY_IDENTIFIER_CRITICAL: { number: 91, text: "Subject Key Identifier marked critical", alert: 46 },
  CA_CERT_MISSING_KEY_USAGE: { number: 92, text: "CA cert does not include key usage extension", alert: 46 },
  EXTENSIONS_REQUIRE_VERSION_3: { number: 93, text: "Using cert extension requires at least X509v3", alert: 46 },
} as const satisfies Record<string, ErrorRow>;

export type OpensslErrorName = keyof typeof errors;

export function opensslError(name: OpensslErrorName): TrustError {
  const { number, text } = errors[name];
  return { number, name, text };
}

export function opensslAlert(name: OpensslErrorName): number {
  return errors[name].alert;
}
