export interface TpmPolicy {
  /** As written, e.g. `0x400`: it travels to the agent unchanged. */
  mask: string;
  /** Allowed values by PCR, lower-case hex. */
  allowed: ReadonlyMap<number, readonly string[]>;
}

/**
 * Parses `tpm_policy`, which Keylime reads both as JSON and as a Python literal: `true`, `false` and `null` are no
 * Python, and `mask` must be there. Throws with a text that says what Python would not take.
 */
export function parseTpmPolicy(text: string): TpmPolicy {
  const policy: unknown = JSON.parse(text);
  if (typeof policy !== "object" || policy === null || Array.isArray(policy))
    throw new Error("tpm_policy is no object");
  if (!isPythonLiteral(policy)) throw new Error("malformed node or string in tpm_policy");
  const { mask, ...pcrs } = policy as Record<string, unknown>;
  if (mask === undefined) throw new Error("'mask'");
  const allowed = Object.entries(pcrs).map(([pcr, values]) => [pcrNumber(pcr), textList(values)] as const);
  return { mask: String(mask), allowed: new Map(allowed) };
}

function isPythonLiteral(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return typeof value === "string" || typeof value === "number";
  return Object.values(value).every(isPythonLiteral);
}

function pcrNumber(text: string): number {
  if (!/^\s*\d+\s*$/.test(text)) throw new Error(`invalid literal for int() with base 10: '${text}'`);
  return Number(text);
}

function textList(values: unknown): string[] {
  return (Array.isArray(values) ? values : [values]).map(String);
}
