import { errorText } from "../core/problem.js";

/** Keys that say where a line comes from, not what happened. */
const origin =
  /^(@.*|level|msg|time|timestamp|external|plugin(_name|_type)?|subsystem_name|reconfigurable|service|method|address|caller_.*|authorized_.*|request_id|node_attestor_type|trust_domain_id|elapsed_ms)$/;

/** Message and fields of a structured log line as one line of text. */
export function logLine(message: string, fields: Record<string, unknown>): string {
  const told = Object.entries(fields).filter(([key, value]) => !origin.test(key) && isPlain(value));
  return errorText([message, ...told.map(([key, value]) => `${key}=${String(value)}`)].join(" "));
}

function isPlain(value: unknown): boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}
