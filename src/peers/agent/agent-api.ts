import { createHash } from "node:crypto";
import * as z from "zod";
import type { HashName } from "../../formats/tpm/algorithms.js";
import type { SoftwareTpm } from "../tpm/software-tpm.js";
import { imaListFrom } from "./ima-log.js";
import { PayloadKeyRefusal, type PayloadKeys } from "./payload-keys.js";

export interface AgentRequest {
  method: string;
  /** Without the query. */
  path: string;
  query: URLSearchParams;
  body: string;
}

export interface AgentAnswer {
  status: number;
  /** No body without it. */
  json?: { code: number; status: string; results: unknown };
  headers?: Record<string, string>;
}

export interface RevocationMessage {
  msg: string;
  signature: string;
}

/** What the agent's answers are made of. */
export interface AgentContext {
  tpm: SoftwareTpm;
  agentId: string;
  /** Oldest first. */
  apiVersions: readonly string[];
  listsVersions: boolean;
  hashAlg: HashName;
  imaLog: () => string;
  keys: PayloadKeys;
  quoteDelay(): Promise<void>;
  onRevocation(message: RevocationMessage): void;
}

/** Where the Rust agent puts its attestation key; a software TPM has no handles. */
const akHandle = 0x81010002;
const dataPcr = 16;
const maxNonceBytes = 64;
const alphanumeric = /^[\p{Alphabetic}\p{N}]*$/u;

type Handler = (context: AgentContext, request: AgentRequest, version: string) => AgentAnswer | Promise<AgentAnswer>;

const resources: Record<string, { method: "GET" | "POST"; handle: Handler }> = {
  "/agent/info": { method: "GET", handle: agentInfo },
  "/quotes/identity": { method: "GET", handle: identityQuote },
  "/quotes/integrity": { method: "GET", handle: integrityQuote },
  "/keys/pubkey": { method: "GET", handle: (context) => success({ pubkey: context.keys.publicPem }) },
  "/keys/verify": { method: "GET", handle: verifyKey },
  "/keys/ukey": { method: "POST", handle: userKey },
  "/keys/vkey": { method: "POST", handle: verifierKey },
  "/notifications/revocation": { method: "POST", handle: revocation },
};

/** Answers one request as the Rust agent does (0.2.9, keylime-agent/src/*_handler.rs), refusals word for word. */
export async function answerAgentRequest(context: AgentContext, request: AgentRequest): Promise<AgentAnswer> {
  if (request.path === "/version") return request.method === "GET" ? versions(context) : { status: 405 };
  const versioned = /^\/v(\d+\.\d+)(\/.*|$)/.exec(request.path);
  if (versioned === null) return notImplemented(context, request);
  const [, version, path] = versioned as unknown as [string, string, string];
  if (!context.apiVersions.includes(version)) return refuse(400, `API version not supported: v${version}`);
  const resource = path.startsWith("/agent/") && version === "2.1" ? undefined : resources[path];
  if (resource === undefined) return unknownResource(request.method, path, version);
  if (resource.method !== request.method) return { status: 405, headers: { Allow: resource.method } };
  return resource.handle(context, request, version);
}

function success(results: unknown): AgentAnswer {
  return { status: 200, json: { code: 200, status: "Success", results } };
}

function refuse(code: number, status: string, headers?: Record<string, string>): AgentAnswer {
  return { status: code, json: { code, status, results: {} }, ...(headers && { headers }) };
}

function versions({ apiVersions, listsVersions }: AgentContext): AgentAnswer {
  const newest = { supported_version: apiVersions.at(-1) };
  return success(listsVersions ? { ...newest, supported_versions: apiVersions } : newest);
}

function notImplemented(context: AgentContext, { method }: AgentRequest): AgentAnswer {
  if (method !== "GET" && method !== "POST") return refuse(405, "Method is not supported", { Allow: "GET, POST" });
  const all = context.apiVersions.map((version) => `/${version}`).join(", ");
  return refuse(400, `Not Implemented: Use ${all} or /version interfaces`);
}

interface Scope {
  allow: string;
  name: string;
  get?: string;
  post?: string;
}

const scopes: Record<string, Scope> = {
  agent: { allow: "GET", name: "/agent", get: "only /info is supported for GET in /agent" },
  quotes: { allow: "GET", name: "/quotes/", get: "only /identity and /integrity are supported for GET in /quotes/" },
  keys: {
    allow: "GET, POST",
    name: "/keys",
    get: "only /pubkey and /verify are supported for GET in /keys",
    post: "only /ukey and /vkey are supported for POST in /keys",
  },
  notifications: {
    allow: "POST",
    name: "/notifications/",
    post: "only /revocation is supported for POST in /notifications/",
  },
};

function unknownResource(method: string, path: string, version: string): AgentAnswer {
  const name = path.split("/")[1] ?? "";
  const scope =
    name === "agent" && version === "2.1" ? undefined : Object.hasOwn(scopes, name) ? scopes[name] : undefined;
  if (scope === undefined) return unknownScope(method);
  const known = method === "GET" ? scope.get : method === "POST" ? scope.post : undefined;
  if (known !== undefined) return refuse(400, `URI not supported, ${known} interface`);
  return refuse(405, `Method is not supported in ${scope.name} interface`, { Allow: scope.allow });
}

function unknownScope(method: string): AgentAnswer {
  if (method === "GET") return refuse(400, "Not Implemented: Use /agent, /keys, or /quotes interfaces");
  if (method === "POST") return refuse(400, "Not Implemented: Use /keys or /notifications interfaces");
  return refuse(405, "Method is not supported", { Allow: "GET, POST" });
}

function agentInfo(context: AgentContext, _request: AgentRequest, version: string): AgentAnswer {
  return success({
    agent_uuid: context.agentId,
    tpm_hash_alg: context.hashAlg,
    tpm_enc_alg: encryptionName(context.tpm, version),
    tpm_sign_alg: context.tpm.signAlg,
    ak_handle: akHandle,
  });
}

/** Of the endorsement key; sizes are named from API 2.5 on. */
function encryptionName(tpm: SoftwareTpm, version: string): string {
  const minor = Number(version.split(".")[1]);
  return minor >= 5 ? tpm.ekKind : tpm.ekKind.replace(/\d+$/, "");
}

async function identityQuote(context: AgentContext, request: AgentRequest, version: string): Promise<AgentAnswer> {
  const fields = readFields(request.query, ["nonce"]);
  if ("status" in fields) return fields;
  const { nonce } = fields;
  if (!alphanumeric.test(nonce)) return refuse(400, `Parameters should be strictly alphanumeric: ${nonce}`);
  if (Buffer.byteLength(nonce) > maxNonceBytes) {
    return refuse(400, `Nonce is too long (max size ${maxNonceBytes}): ${nonce}`);
  }
  const quote = await makeQuote(context, nonce, 0, version);
  return quote === undefined ? noQuote() : success({ ...quote, pubkey: context.keys.publicPem });
}

async function integrityQuote(context: AgentContext, request: AgentRequest, version: string): Promise<AgentAnswer> {
  const fields = readFields(request.query, ["nonce", "mask", "partial"]);
  if ("status" in fields) return fields;
  const { nonce, partial } = fields;
  const mask = parseMask(fields.mask);
  const refused = refuseIntegrity(nonce, fields.mask, mask, partial);
  if (refused !== undefined || mask === undefined) return refused ?? noQuote();
  const quote = await makeQuote(context, nonce, mask, version);
  if (quote === undefined) return noQuote();
  const wanted = request.query.get("ima_ml_entry") ?? "0";
  const { list, firstEntry } = imaListFrom(context.imaLog(), /^\d+$/.test(wanted) ? Number(wanted) : 0);
  return success({
    ...quote,
    ...(partial === "0" && { pubkey: context.keys.publicPem }),
    ima_measurement_list: list,
    ima_measurement_list_entry: firstEntry,
  });
}

function refuseIntegrity(nonce: string, maskText: string, mask: number | undefined, partial: string) {
  if (!alphanumeric.test(nonce)) return refuse(400, `nonce should be strictly alphanumeric: ${nonce}`);
  if (!alphanumeric.test(maskText)) return refuse(400, `mask should be strictly alphanumeric: ${maskText}`);
  if (mask === undefined) return refuse(400, `mask should be a hex encoded 32-bit integer: ${maskText}`);
  const bytes = Buffer.byteLength(nonce);
  if (bytes > maxNonceBytes) return refuse(400, `Nonce is too long (max size: ${maxNonceBytes}): ${bytes}`);
  if (partial === "0" || partial === "1") return undefined;
  return refuse(400, "uri must contain key 'partial' and value '0' or '1'");
}

function parseMask(text: string): number | undefined {
  const digits = text.replace(/^(0x)+/, "");
  if (!/^[0-9a-fA-F]+$/.test(digits)) return undefined;
  const mask = Number.parseInt(digits, 16);
  return mask < 2 ** 32 ? mask : undefined;
}

/** PCR 16 always holds the payload key that is handed out with the quote; undefined when the TPM refuses. */
async function makeQuote(context: AgentContext, nonce: string, mask: number, version: string) {
  const { tpm, hashAlg, keys } = context;
  if (mask >= 2 ** 24) return undefined;
  await context.quoteDelay();
  tpm.resetPcr(dataPcr);
  tpm.extend(dataPcr, createHash(hashAlg).update(keys.publicPem).digest(), hashAlg);
  return {
    quote: tpm.quote({ nonce, pcrMask: mask | (1 << dataPcr), hashAlg }),
    hash_alg: hashAlg,
    enc_alg: encryptionName(tpm, version),
    sign_alg: tpm.signAlg,
  };
}

function noQuote(): AgentAnswer {
  return refuse(500, "Unable to retrieve quote");
}

/** Required query parameters, or the refusal of the agent's web framework. */
function readFields<Name extends string>(
  query: URLSearchParams,
  names: readonly Name[],
): Record<Name, string> | AgentAnswer {
  for (const name of query.keys()) {
    if (query.getAll(name).length > 1) return refuse(400, `Query deserialize error: duplicate field \`${name}\``);
  }
  const missing = names.find((name) => !query.has(name));
  if (missing !== undefined) return refuse(400, `Query deserialize error: missing field \`${missing}\``);
  return Object.fromEntries(names.map((name) => [name, query.get(name)])) as Record<Name, string>;
}

function verifyKey(context: AgentContext, request: AgentRequest): AgentAnswer {
  const fields = readFields(request.query, ["challenge"]);
  if ("status" in fields) return fields;
  const { challenge } = fields;
  if (challenge === "") return refuse(400, "No challenge provided.");
  if (!alphanumeric.test(challenge)) return refuse(400, `Parameters should be strictly alphanumeric: ${challenge}`);
  const hmac = context.keys.answer(challenge);
  return hmac === undefined ? refuse(400, "Bootstrap key not yet available.") : success({ hmac });
}

const userKeySchema = z.object({ auth_tag: z.string(), encrypted_key: z.string(), payload: z.string().nullish() });
const verifierKeySchema = z.object({ encrypted_key: z.string() });
const revocationSchema = z.object({ msg: z.string(), signature: z.string() });

function userKey({ keys }: AgentContext, request: AgentRequest): AgentAnswer {
  return withBody(request, userKeySchema, (body) => keys.addUserHalf(body.encrypted_key, body.auth_tag));
}

function verifierKey({ keys }: AgentContext, request: AgentRequest): AgentAnswer {
  return withBody(request, verifierKeySchema, (body) => keys.addVerifierHalf(body.encrypted_key));
}

function revocation(context: AgentContext, request: AgentRequest): AgentAnswer {
  return withBody(request, revocationSchema, (message) => context.onRevocation(message));
}

function withBody<T>(request: AgentRequest, schema: z.ZodType<T>, act: (body: T) => void): AgentAnswer {
  try {
    act(schema.parse(JSON.parse(request.body)));
    return success(null);
  } catch (error) {
    if (error instanceof PayloadKeyRefusal) return refuse(400, error.message);
    return refuse(
      400,
      `Json deserialize error: ${error instanceof z.ZodError ? "missing or wrong field" : "invalid JSON"}`,
    );
  }
}
