import { type Answer, envelope, success } from "../http/answer.js";
import type { PeerRequest, Route } from "../http/route.js";
import { type Policies, PolicyRefused, parseRuntimePolicy } from "./policies.js";

interface PolicyKind<T> {
  /** `allowlists`, `mbpolicies`. */
  path: string;
  /** As in Keylime's action names. */
  actions: { list: string; one: string };
  /** As in its texts: `Runtime policy`. */
  title: string;
  /** Key of the names' list. */
  namesKey: string;
  /** In the refusal to delete. */
  inUse: string;
  /** PUT of a name that does not exist. */
  missing: (name: string) => Answer;
  stored: Map<string, T>;
  /** Throws a `PolicyRefused` for a 400 with its message. */
  read(body: Record<string, unknown>): T;
  show(name: string, policy: T): Record<string, unknown>;
  userOf(name: string): string | undefined;
}

type UserOf = (kind: "runtimePolicyName" | "mbPolicyName", name: string) => string | undefined;

/** /allowlists: runtime policies (`AllowlistHandler`, 7.14.3). */
export function allowlistRoutes({ runtime }: Policies, userOf: UserOf): Route[] {
  return policyRoutes({
    path: "allowlists",
    actions: { list: "list_runtime_policies", one: "runtime_policy" },
    title: "Runtime policy",
    namesKey: "runtimepolicy names",
    inUse: "allowlist",
    missing: (name) => envelope(404, `Runtime policy with name ${name} does not already exist, use POST to create`),
    stored: runtime,
    read: ({ runtime_policy: policy }) => {
      if (typeof policy !== "string") throw new TypeError("runtime_policy is no text");
      return parseRuntimePolicy(Buffer.from(policy, "base64").toString("utf8"));
    },
    // `tmp_policy` is upstream's spelling; it is never filled.
    show: (name, { text }) => ({ name, tmp_policy: null, runtime_policy: text }),
    userOf: (name) => userOf("runtimePolicyName", name),
  });
}

/** /mbpolicies: measured boot policies (`MbpolicyHandler`, 7.14.3). */
export function mbPolicyRoutes({ measuredBoot }: Policies, userOf: UserOf): Route[] {
  return policyRoutes({
    path: "mbpolicies",
    actions: { list: "list_mb_policies", one: "mb_policy" },
    title: "Measured boot policy",
    namesKey: "mbpolicy names",
    inUse: "mb_policy",
    missing: (name) => envelope(409, `Measured boot policy with name ${name} does not already exist`),
    stored: measuredBoot,
    read: ({ mb_policy: policy }) => {
      if (policy === undefined || policy === null) return null;
      if (typeof policy === "string") return policy;
      throw new TypeError("mb_policy is no text");
    },
    show: (name, policy) => ({ name, mb_policy: policy }),
    userOf: (name) => userOf("mbPolicyName", name),
  });
}

function policyRoutes<T>(kind: PolicyKind<T>): Route[] {
  const { path, actions, stored } = kind;
  const one = `/${path}/:name`;
  const admin = { access: "admin" } as const;
  return [
    {
      ...admin,
      method: "GET",
      pattern: `/${path}`,
      action: actions.list,
      handle: () => success({ [kind.namesKey]: [...stored.keys()] }),
    },
    {
      ...admin,
      method: "GET",
      pattern: one,
      action: `read_${actions.one}`,
      handle: ({ params }) => show(kind, params.name!),
    },
    {
      ...admin,
      method: "POST",
      pattern: one,
      action: `create_${actions.one}`,
      handle: (request) => create(kind, request),
    },
    {
      ...admin,
      method: "PUT",
      pattern: one,
      action: `update_${actions.one}`,
      handle: (request) => replace(kind, request),
    },
    {
      ...admin,
      method: "DELETE",
      pattern: one,
      action: `delete_${actions.one}`,
      handle: ({ params }) => remove(kind, params.name!),
    },
  ];
}

function show<T>(kind: PolicyKind<T>, name: string): Answer {
  if (!kind.stored.has(name)) return envelope(404, `${kind.title} ${name} not found`);
  return success(kind.show(name, kind.stored.get(name) as T));
}

function create<T>(kind: PolicyKind<T>, request: PeerRequest): Answer {
  const name = request.params.name!;
  return withPolicy(kind, request, (policy) => {
    if (kind.stored.has(name)) return envelope(409, `${kind.title} with name ${name} already exists`);
    kind.stored.set(name, policy);
    return envelope(201);
  });
}

function replace<T>(kind: PolicyKind<T>, request: PeerRequest): Answer {
  const name = request.params.name!;
  return withPolicy(kind, request, (policy) => {
    if (!kind.stored.has(name)) return kind.missing(name);
    kind.stored.set(name, policy);
    return envelope(201);
  });
}

function remove<T>(kind: PolicyKind<T>, name: string): Answer {
  if (!kind.stored.has(name)) return envelope(404, `${kind.title} ${name} not found`);
  const user = kind.userOf(name);
  if (user !== undefined) return envelope(409, `Can't delete ${kind.inUse} as it's currently in use by agent ${user}`);
  kind.stored.delete(name);
  return { status: 204, contentType: "application/json" };
}

/** Whatever else is wrong with the body ends in 500, as it does upstream. */
function withPolicy<T>(kind: PolicyKind<T>, { body }: PeerRequest, use: (policy: T) => Answer): Answer {
  if (body.length === 0) return envelope(400, "Expected non zero content length");
  try {
    return use(kind.read(JSON.parse(body.toString("utf8")) as Record<string, unknown>));
  } catch (error) {
    if (error instanceof PolicyRefused) return envelope(400, error.message);
    throw error;
  }
}
