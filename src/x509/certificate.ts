import { X509Certificate } from "node:crypto";

export interface AlternativeName {
  /** A value of kind `other` starts with OpenSSL's word for it: `DirName:CN=x`. */
  kind: "dns" | "ip" | "uri" | "email" | "other";
  value: string;
}

/** What a certificate says about itself. Texts are one line each and hold nothing that moves a terminal's cursor. */
export interface CertificateFacts {
  /** RFC 4514 order, most specific first, with a blank after each comma: `CN=Book of Omens, O=Eye of Thundera`. */
  subject: string;
  issuer: string;
  /** Lower-case hex without separators. */
  serial: string;
  /** SHA-256 over the DER bytes, lower-case hex. */
  sha256: string;
  notBeforeMs: number;
  notAfterMs: number;
  /** Extended key usages by name (`clientAuth`) or OID; undefined when the certificate has no such extension. */
  eku: readonly string[] | undefined;
  sans: readonly AlternativeName[];
  /** basicConstraints CA:TRUE. */
  isCa: boolean;
  /** Subject and issuer are the same name. */
  isSelfIssued: boolean;
  /** `rsa`, `ec`, `ed25519`, …; undefined when the key is of a kind Node does not know. */
  keyType: string | undefined;
  /** Bits of an RSA modulus, or of an elliptic curve's field. */
  keyBits: number | undefined;
  /** Name of the curve as OpenSSL writes it, e.g. `prime256v1`. */
  curve: string | undefined;
}

const ekuNames: Record<string, string> = {
  "1.3.6.1.5.5.7.3.1": "serverAuth",
  "1.3.6.1.5.5.7.3.2": "clientAuth",
  "1.3.6.1.5.5.7.3.3": "codeSigning",
  "1.3.6.1.5.5.7.3.4": "emailProtection",
  "1.3.6.1.5.5.7.3.8": "timeStamping",
  "1.3.6.1.5.5.7.3.9": "OCSPSigning",
  "2.5.29.37.0": "anyExtendedKeyUsage",
};

/** Reads a certificate from DER bytes or PEM text. Throws when OpenSSL cannot read it. */
export function readCertificate(bytes: Buffer | string): CertificateFacts {
  return certificateFacts(new X509Certificate(bytes));
}

export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  const key = publicKeyFacts(certificate);
  const subject = nameText(certificate.subject);
  const issuer = nameText(certificate.issuer);
  return {
    subject,
    issuer,
    serial: certificate.serialNumber.toLowerCase(),
    sha256: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    notBeforeMs: parseOpensslTime(certificate.validFrom) ?? Number.NaN,
    notAfterMs: parseOpensslTime(certificate.validTo) ?? Number.NaN,
    eku: certificate.keyUsage?.map((oid) => ekuNames[oid] ?? oid),
    sans: parseAlternativeNames(certificate.subjectAltName),
    isCa: certificate.ca,
    isSelfIssued: certificate.subject === certificate.issuer,
    ...key,
  };
}

const curveBits: Record<string, number> = { prime256v1: 256, secp384r1: 384, secp521r1: 521 };

function publicKeyFacts(certificate: X509Certificate): Pick<CertificateFacts, "keyType" | "keyBits" | "curve"> {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
    const curve = asymmetricKeyDetails?.namedCurve;
    const keyBits = asymmetricKeyDetails?.modulusLength ?? (curve === undefined ? undefined : curveBits[curve]);
    return { keyType: asymmetricKeyType, keyBits, curve };
  } catch {
    return { keyType: undefined, keyBits: undefined, curve: undefined };
  }
}

/** Node prints one RDN per line in the certificate's order, values escaped as RFC 2253; RFC 4514 prints the last first. */
function nameText(multiline: string | undefined): string {
  const relativeNames = (multiline ?? "").split("\n").filter((each) => each !== "");
  return oneLine(relativeNames.reverse().join(", "));
}

/** Escapes what would break a line or steer a terminal: control, format and separator characters. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `\\${byte.toString(16).padStart(2, "0").toUpperCase()}`).join(""),
  );
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/**
 * Parses OpenSSL's ASN1_TIME_print form, `Jan  1 00:00:00 2050 GMT`, seconds with or without a fraction. Needed because
 * X509Certificate has no Date properties before Node 22. Returns milliseconds, undefined for anything else.
 */
export function parseOpensslTime(text: string): number | undefined {
  const match = /^([A-Z][a-z]{2}) +(\d{1,2}) (\d{2}):(\d{2}):(\d{2})(\.\d*)? (\d{4})(?: GMT)?$/.exec(text);
  if (match === null) return undefined;
  const month = months.indexOf(match[1]!);
  if (month === -1) return undefined;
  const fractionMs = Math.floor(Number(`0${match[6] ?? ""}`) * 1000);
  // Date.UTC takes the years 0 to 99 for 1900 to 1999.
  const date = new Date(0);
  date.setUTCFullYear(Number(match[7]), month, Number(match[2]));
  date.setUTCHours(Number(match[3]), Number(match[4]), Number(match[5]), fractionMs);
  return date.getTime();
}

const sanKinds: Record<string, AlternativeName["kind"]> = {
  DNS: "dns",
  "IP Address": "ip",
  URI: "uri",
  email: "email",
};

/** Node prints `DNS:a, IP Address:10.0.0.1`, and puts a value with special characters in JSON quotes. */
function parseAlternativeNames(text: string | undefined): AlternativeName[] {
  const names: AlternativeName[] = [];
  for (const [, kind, quoted, bare] of (text ?? "").matchAll(
    /([A-Za-z ]+?):(?:("(?:[^"\\]|\\.)*")|([^,]*))(?:, |$)/g,
  )) {
    const value = quoted === undefined ? bare! : unquoted(quoted);
    const known = sanKinds[kind!.trim()];
    names.push({ kind: known ?? "other", value: oneLine(known === undefined ? `${kind!.trim()}:${value}` : value) });
  }
  return names;
}

function unquoted(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}

/** `DNS:verifier.example.org, IP:127.0.0.1`; `none` for an empty list. */
export function alternativeNamesText(names: readonly AlternativeName[]): string {
  if (names.length === 0) return "none";
  return names.map(({ kind, value }) => (kind === "other" ? value : `${sanLabels[kind]}:${value}`)).join(", ");
}

const sanLabels = { dns: "DNS", ip: "IP", uri: "URI", email: "email" } as const;
