import type { KeylimeAnswer } from "./call.js";

export type AgentsService = "verifier" | "registrar";

/**
 * Verifier and registrar answer the same path, `/v2.x/agents/{id}`, each with words or an entry of its own; undefined for
 * an answer that either could give, or neither. Keylime 7.12 and newer; 7.14.3 measured.
 */
export function serviceBehind({
  httpStatus,
  serverText: text = "",
  results,
}: Pick<KeylimeAnswer, "httpStatus" | "serverText" | "results">): AgentsService | undefined {
  if (httpStatus === 404) {
    if (/^Agent with ID '.*' (not found|has not been activated)/.test(text)) return "registrar";
    return text === "agent id not found" ? "verifier" : undefined;
  }
  if (httpStatus === 403 || httpStatus === 401) {
    if (text.includes("Action read_registration")) return "registrar";
    return text.includes("Action read_agent") ? "verifier" : undefined;
  }
  if (httpStatus !== 200 || results === undefined) return undefined;
  if ("operational_state" in results) return "verifier";
  return "aik_tpm" in results ? "registrar" : undefined;
}
