/** Runtime and measured boot policies by name; the entry of an agent without one is stored under the agent's id. */
export class Policies {
  readonly runtime = new Map<string, RuntimePolicy>();
  /** Null: no policy. */
  readonly measuredBoot = new Map<string, string | null>();
}

export interface RuntimePolicy {
  text: string;
  /** `meta.generator`; above 1 (the empty policy's) a policy counts as present. */
  generator: number;
}

const required = ["meta", "release", "digests", "excludes", "keyrings", "ima", "ima-buf", "verification-keys"];

/** What Keylime stores when an agent is added without a runtime policy (`keylime/ima/ima.py`, 7.14.3). */
export const emptyRuntimePolicy = JSON.stringify({
  meta: { version: 5, generator: 1 },
  release: 0,
  digests: {},
  excludes: [],
  keyrings: {},
  ima: { ignored_keyrings: [], log_hash_alg: "sha1", dm_policy: null },
  "ima-buf": {},
  "verification-keys": "",
});

export function isPresentPolicy(policy: RuntimePolicy | undefined): boolean {
  return policy !== undefined && policy.generator > 1;
}

/** Checks no more of a runtime policy than that its members are there. Throws a `PolicyRefused`, or what JSON throws. */
export function parseRuntimePolicy(text: string): RuntimePolicy {
  const policy = JSON.parse(text) as Record<string, unknown>;
  const missing = required.find((key) => !Object.hasOwn(policy, key));
  if (missing !== undefined)
    throw new PolicyRefused(`Runtime policy is malformatted: '${missing}' is a required property`);
  const meta = policy.meta as { generator?: unknown } | null;
  return { text, generator: typeof meta?.generator === "number" ? meta.generator : 0 };
}

/** The message is the `status` of the 400 answer. */
export class PolicyRefused extends Error {}
