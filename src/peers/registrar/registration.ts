import { X509Certificate } from "node:crypto";
import { errorText } from "../../core/problem.js";
import { readPublicArea } from "../../formats/tpm/public-area.js";
import { publicKeyOf } from "../../formats/tpm/public-key.js";

/** What the registrar keeps of an agent (`keylime/models/registrar/registrar_agent.py`, 7.14.3). */
export interface RegisteredAgent {
  agentId: string;
  /** TPM2B_PUBLIC; null when the agent named none. */
  ekTpm: Buffer | null;
  akTpm: Buffer | null;
  /** DER. */
  ekCert: Buffer | null;
  ip: string | null;
  port: number | null;
  /** PEM of one certificate, `disabled`, or null. */
  mtlsCert: string | null;
  /** Registrations so far. */
  regcount: number;
  active: boolean;
  /** Base64 of the challenge that waits for its answer. */
  challengeBase64: string;
}

export type Registration =
  | { outcome: "valid"; agent: RegisteredAgent }
  | { outcome: "invalid"; errors: string[] }
  | { outcome: "other-tpm"; changed: string[] };

/**
 * The record after a registration with these parameters, or what is wrong with them. Parameters that are absent keep
 * their value; the TPM's identity, once set, cannot change.
 */
export function judgeRegistration(
  previous: RegisteredAgent | undefined,
  agentId: string,
  data: Readonly<Record<string, unknown>>,
): Registration {
  const errors: string[] = [];
  const read = <T>(field: string, reader: (value: unknown) => T, kept: T): T => {
    if (!Object.hasOwn(data, field)) return kept;
    try {
      return reader(data[field]);
    } catch (error) {
      errors.push(`${field} ${error instanceof Invalid ? error.message : "is not readable"}`);
      return kept;
    }
  };
  const agent: RegisteredAgent = {
    agentId,
    ekTpm: read("ek_tpm", readBinary, previous?.ekTpm ?? null),
    akTpm: read("aik_tpm", readBinary, previous?.akTpm ?? null),
    ekCert: read("ekcert", readCertificate, previous?.ekCert ?? null),
    ip: read("ip", readText, previous?.ip ?? null),
    port: read("port", readNumber, previous?.port ?? null),
    mtlsCert: read("mtls_cert", readMtlsCert, previous?.mtlsCert ?? null),
    regcount: (previous?.regcount ?? 0) + 1,
    active: false,
    challengeBase64: "",
  };
  const changed = previous === undefined ? [] : changedIdentity(previous, agent);
  if (changed.length > 0) return { outcome: "other-tpm", changed };
  errors.push(...missingIdentity(agent), ...unservedIdentity(data), ...certificateMismatch(agent));
  return errors.length > 0 ? { outcome: "invalid", errors } : { outcome: "valid", agent };
}

class Invalid extends Error {}

function changedIdentity(before: RegisteredAgent, after: RegisteredAgent): string[] {
  const fields = { ek_tpm: "ekTpm", ekcert: "ekCert", aik_tpm: "akTpm" } as const;
  return Object.entries(fields)
    .filter(([, name]) => before[name] !== null && !before[name].equals(after[name] ?? Buffer.alloc(0)))
    .map(([field]) => field);
}

function missingIdentity({ ekTpm, akTpm }: RegisteredAgent): string[] {
  const missing = { ek_tpm: ekTpm, aik_tpm: akTpm };
  return Object.entries(missing)
    .filter(([, value]) => value === null)
    .map(([field]) => `${field} is required`);
}

/** Device identities need a trust store, which this registrar has none of. */
function unservedIdentity(data: Readonly<Record<string, unknown>>): string[] {
  return ["iak_tpm", "idevid_tpm", "iak_cert", "idevid_cert"]
    .filter((field) => data[field])
    .map((field) => `${field} is not served by the embedded registrar`);
}

function certificateMismatch({ ekTpm, ekCert }: RegisteredAgent): string[] {
  if (ekTpm === null || ekCert === null) return [];
  try {
    const certified = new X509Certificate(ekCert).publicKey;
    if (publicKeyOf(readPublicArea(ekTpm)).equals(certified)) return [];
    return ["ek_tpm must contain the same public key found in ekcert"];
  } catch (error) {
    return [`ek_tpm must be a valid TPM2B_PUBLIC structure: ${errorText(error)}`];
  }
}

function readBinary(value: unknown): Buffer | null {
  if (value === null) throw new Invalid("cannot be null");
  if (value === "" || value === 0 || value === false) return null;
  if (typeof value !== "string") throw new Invalid("must be valid binary");
  if (isBase64(value)) return Buffer.from(value, "base64");
  const hex = value.replace(/^0x/, "");
  if (/^([0-9a-f]{2})+$/i.test(hex)) return Buffer.from(hex, "hex");
  throw new Invalid("must be valid binary");
}

function readCertificate(value: unknown): Buffer | null {
  if (!value) return null;
  const certificate = typeof value === "string" ? certificateOf(value) : undefined;
  if (certificate === undefined)
    throw new Invalid("must be a valid X.509 certificate in PEM format or otherwise encoded using Base64");
  return certificate.raw;
}

function readMtlsCert(value: unknown): string | null {
  if (value === null || value === "") return null;
  if (typeof value === "string") {
    if (value.toLowerCase() === "disabled") return "disabled";
    const certificate = certificateOf(value);
    if (certificate !== undefined) return certificate.toString();
  }
  throw new Invalid("is not a permitted value");
}

/** The first certificate of a PEM text, or one in base64. */
function certificateOf(text: string): X509Certificate | undefined {
  try {
    if (text.startsWith("-----BEGIN CERTIFICATE-----")) return new X509Certificate(text);
    return isBase64(text) ? new X509Certificate(Buffer.from(text, "base64")) : undefined;
  } catch {
    return undefined;
  }
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

function readText(value: unknown): string | null {
  if (value === null || value === "") return null;
  if (typeof value === "string") return value;
  throw new Invalid("is of an incorrect type");
}

function readNumber(value: unknown): number | null {
  if (value === null || value === "") return null;
  if (typeof value === "string" && /^\d+$/.test(value)) return Number(value);
  if (Number.isSafeInteger(value)) return value as number;
  throw new Invalid("is of an incorrect type");
}
