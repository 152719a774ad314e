import { errorText } from "../core/problem.js";
import { algorithmText } from "../formats/tpm/algorithms.js";
import { readQuoteAttest } from "../formats/tpm/attest.js";
import { readSignature } from "../formats/tpm/signature.js";

export type Step = "payload" | "challenge" | "challenge_response" | "result";

/** What can be told about a message without giving away a nonce or a quote. */
export type MessageFacts = Record<string, string | number | boolean | string[]>;

/** Longer texts from a plugin are cut, so that none can flood a report. */
const maxTextLength = 200;
const maxDecodedBytes = 64 * 1024;

/**
 * Reads a message of the Keylime exchange (`src/spire/exchange.ts` writes it; the Go pair's form) for people. Messages
 * of another form are told as such: a rehearsal runs any pair.
 */
export class MessageReader {
  #nonce: string | undefined;

  read(step: Exclude<Step, "result">, bytes: Uint8Array): MessageFacts {
    const object = bytes.length > maxDecodedBytes ? undefined : parseObject(bytes);
    if (object === undefined) return { form: `${bytes.length} bytes of another form than Keylime's exchange` };
    const { known, unknown } = texts(object);
    const facts = this.#known(step, known);
    return { ...facts, ...(unknown.length === 0 ? {} : { other_keys: unknown }) };
  }

  #known(
    step: Exclude<Step, "result">,
    { agentid, hashalg, nonce, tpmquote }: Partial<Record<string, string>>,
  ): MessageFacts {
    if (step === "payload") return { agent_id: plain(agentid), hash_alg: plain(hashalg) };
    if (step === "challenge") {
      this.#nonce = nonce;
      return { nonce_length: nonce?.length ?? 0 };
    }
    return tpmquote === undefined ? { quote_length: 0 } : quoteFacts(tpmquote, this.#nonce);
  }
}

const knownKeys = ["agentid", "hashalg", "nonce", "tpmquote"];

/** The texts behind the known keys (compared without case, as Go does), and the names of all others. */
function texts(object: Record<string, unknown>): { known: Partial<Record<string, string>>; unknown: string[] } {
  const known: Partial<Record<string, string>> = {};
  const unknown: string[] = [];
  for (const [key, value] of Object.entries(object)) {
    const name = key.toLowerCase();
    if (knownKeys.includes(name) && typeof value === "string")
      known[name] = Buffer.from(value, "base64").toString("utf8");
    else unknown.push(plain(key));
  }
  return { known, unknown: unknown.slice(0, 20) };
}

/** `r<b64 TPMS_ATTEST>:<b64 TPMT_SIGNATURE>:<b64 PCR blob>`, as tpm2-tools writes it for Keylime. */
function quoteFacts(quote: string, nonce: string | undefined): MessageFacts {
  const facts: MessageFacts = { quote_length: quote.length };
  const parts = quote.startsWith("r") ? quote.slice(1).split(":") : [];
  if (parts.length !== 3) return { ...facts, quote_form: "not the form r<attest>:<signature>:<pcrs>" };
  const [attest, signature] = parts.map((part) => Buffer.from(part, "base64")) as [Buffer, Buffer, Buffer];
  return {
    ...facts,
    ...told("signature", () => signatureFacts(signature)),
    ...told("attest", () => attestFacts(attest, nonce)),
  };
}

function signatureFacts(bytes: Buffer): MessageFacts {
  const { scheme, hashId } = readSignature(bytes);
  return { sign_alg: scheme, sign_hash: algorithmText(hashId) };
}

function attestFacts(bytes: Buffer, nonce: string | undefined): MessageFacts {
  const { selections, pcrDigest, extraData, clock } = readQuoteAttest(bytes);
  return {
    pcrs: selections.map(({ hashId, pcrs }) => `${algorithmText(hashId)}:${[...pcrs].join(",")}`),
    pcr_digest: pcrDigest.toString("hex"),
    nonce_matches: nonce !== undefined && extraData.equals(Buffer.from(nonce, "utf8")),
    reset_count: clock.resetCount,
    restart_count: clock.restartCount,
    clock_safe: clock.safe,
  };
}

function told(what: string, read: () => MessageFacts): MessageFacts {
  try {
    return read();
  } catch (error) {
    return { [`${what}_form`]: plain(errorText(error)) };
  }
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** A plugin's text in a form that can neither move a terminal's cursor nor forge a line. */
export function plain(text = ""): string {
  const cut = text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text;
  return /^[\p{L}\p{N}\p{P}\p{S} ]*$/u.test(cut) ? cut : JSON.stringify(cut).replaceAll(/[^\x20-\x7e]/g, "?");
}
