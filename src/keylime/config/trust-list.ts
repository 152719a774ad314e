import { type PythonLiteral, parsePythonLiteral } from "../../formats/python/literal.js";
import { LiteralError } from "../../formats/python/literal-error.js";

/** What Keylime makes of the value of trusted_client_ca or trusted_server_ca. */
export type TrustList =
  /** `default`: the CA that the verifier makes for itself. */
  | { is: "default" }
  /** `all`: meant to turn verification off. */
  | { is: "all" }
  | { is: "files"; names: readonly string[] }
  /** Nothing, or `[]`. */
  | { is: "empty" }
  /** The service does not start. */
  | { is: "invalid"; reason: string };

/** Reads a value that `config.get` gave (keylime 7.14.3 web_util.get_tls_options, config.getlist). */
export function readTrustList(value: string): TrustList {
  if (value === "") return { is: "empty" };
  if (value === "default" || value === "all") return { is: value };
  try {
    return listOf(parsePythonLiteral(value));
  } catch (error) {
    if (!(error instanceof LiteralError)) throw error;
    return { is: "invalid", reason: `Keylime takes a Python list of quoted names, and ${error.message}` };
  }
}

function listOf(literal: PythonLiteral): TrustList {
  if (literal.kind !== "list") return { is: "invalid", reason: `it is a ${literal.kind}, and Keylime takes a list` };
  const names = literal.items.flatMap((item) => (item.kind === "string" ? [item.value.trim()] : []));
  if (names.length < literal.items.length) return { is: "invalid", reason: "an item of the list is no text in quotes" };
  return names.length === 0 ? { is: "empty" } : { is: "files", names };
}
