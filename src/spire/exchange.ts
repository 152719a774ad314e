/**
 * The three messages of one attestation, byte for byte as the Go pair writes them (keylime/spire-keylime-plugin 9f270a0,
 * pkg/common/keylime.go), so that either half may be the Go one:
 *
 *   agent → server   payload             {"AgentID":"<b64>","HashAlg":"<b64>"}
 *   server → agent   challenge           {"Nonce":"<b64>"}
 *   agent → server   challenge response  {"TPMQuote":"<b64>"}
 *
 * Each value is standard base64 with padding of a text. Go's decoder takes key names in any case and ignores unknown keys;
 * so do these.
 */
import { randomBytes } from "node:crypto";
import { Problem } from "../core/problem.js";

export interface Payload {
  agentId: string;
  hashAlg: string;
}

/** A message from the other half is far below this; SPIRE would pass on up to 4 MiB. */
export const maxMessageBytes = 64 * 1024;

const encodeText = (text: string): string => Buffer.from(text, "utf8").toString("base64");
const encode = (fields: Record<string, string>): Buffer =>
  Buffer.from(
    JSON.stringify(Object.fromEntries(Object.entries(fields).map(([key, text]) => [key, encodeText(text)]))),
    "utf8",
  );

export const encodePayload = (payload: Payload): Buffer =>
  encode({ AgentID: payload.agentId, HashAlg: payload.hashAlg });
export const encodeChallenge = (nonce: string): Buffer => encode({ Nonce: nonce });
export const encodeChallengeResponse = (quote: string): Buffer => encode({ TPMQuote: quote });

export function readPayload(bytes: Uint8Array): Payload {
  const fields = readFields("attestation payload", bytes, ["AgentID", "HashAlg"]);
  return { agentId: fields.AgentID, hashAlg: fields.HashAlg };
}

export function readChallenge(bytes: Uint8Array): string {
  return readFields("challenge", bytes, ["Nonce"]).Nonce;
}

export function readChallengeResponse(bytes: Uint8Array): string {
  return readFields("challenge response", bytes, ["TPMQuote"]).TPMQuote;
}

const base32Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** 32 characters of A–Z and 2–7, 160 random bits: the Rust agent takes alphanumeric nonces of at most 64 characters. */
export function newNonce(): string {
  return Array.from(randomBytes(32), (byte) => base32Alphabet[byte & 0x1f]).join("");
}

function readFields<Name extends string>(what: string, bytes: Uint8Array, names: Name[]): Record<Name, string> {
  if (bytes.length > maxMessageBytes) {
    throw malformed(what, `it is ${bytes.length} bytes long, more than the ${maxMessageBytes} allowed`);
  }
  const object = parseObject(what, bytes);
  const fields = names.map((name) => [name, readText(what, object, name)] as const);
  return Object.fromEntries(fields) as Record<Name, string>;
}

function parseObject(what: string, bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw malformed(what, "it is not JSON", error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw malformed(what, "it is no JSON object");
  return value as Record<string, unknown>;
}

function readText(what: string, object: Record<string, unknown>, name: string): string {
  const key = Object.hasOwn(object, name)
    ? name
    : Object.keys(object).find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  const value = key === undefined ? undefined : object[key];
  if (value === undefined || value === null || value === "") throw malformed(what, `${name} is missing`);
  if (typeof value !== "string") throw malformed(what, `${name} is ${typeof value}, expected base64 text`);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value) || value.length % 4 !== 0) throw malformed(what, `${name} is not base64`);
  const text = Buffer.from(value, "base64");
  if (Buffer.from(text.toString("utf8"), "utf8").compare(text) !== 0) throw malformed(what, `${name} is not UTF-8`);
  return text.toString("utf8");
}

function malformed(what: string, why: string, cause?: unknown): Problem {
  return new Problem("malformed-message", `cannot read the ${what}: ${why}`, { culprit: "peer", cause });
}
