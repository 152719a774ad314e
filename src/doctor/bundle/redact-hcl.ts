import type { HclDocument, HclItem, HclValue } from "../../formats/hcl/document.js";
import { parseHcl } from "../../formats/hcl/parser.js";
import type { Span } from "../../formats/line-index.js";
import { hidden } from "../facts/processes/hidden-values.js";
import { commentWithoutSecrets, isSecret, withoutKeys } from "./secret-text.js";

/** Keys of plugin_data that belong to this project's plugin; what other plugins keep there may be anything. */
const ownKey =
  /^(keylime_|request_timeout$|attestation_timeout$|max_attestation_age$|require_|allowed_|auto_enroll$|agent_path_template$|selectors$)/i;
/** What is kept of a file that does not parse. */
const plainKey = /^(keylime_|plugin_|trust_domain$|bind_|socket_path$|data_dir$|log_|server_|enabled$)/i;

interface Splice {
  span: Pick<Span, "start" | "end">;
  text: string;
}

/** SPIRE's configuration with its secrets hidden: of other plugins' data only the keys are kept. */
export function redactHcl(text: string): string {
  const safe = withoutKeys(text);
  let document: HclDocument;
  try {
    document = parseHcl(safe);
  } catch {
    return plainLines(safe);
  }
  const splices = [...document.items.flatMap((item) => itemSplices(item, false)), ...commentSplices(document)];
  return spliced(document.text, splices);
}

function itemSplices({ keys, value }: HclItem, inData: boolean): Splice[] {
  const name = keys.at(-1)!.name;
  const isData = inData || keys.some((key) => key.name.toLowerCase() === "plugin_data");
  return valueSplices(name, value, isData);
}

function valueSplices(name: string, value: HclValue, inData: boolean): Splice[] {
  if (value.kind === "object") return value.items.flatMap((item) => itemSplices(item, inData));
  if (value.kind === "list") return value.items.flatMap((each) => valueSplices(name, each, inData));
  if (value.kind === "null") return [];
  const isOpen = !inData || ownKey.test(name);
  const written = value.kind === "string" ? value.value : "";
  return isOpen && !isSecret(name, written) ? [] : [{ span: value.span, text: `"${hidden}"` }];
}

function commentSplices({ text, tokens, items }: HclDocument): Splice[] {
  const foreign = items.flatMap(foreignData);
  return tokens
    .filter(({ kind }) => kind === "comment")
    .map((span) => {
      const isForeign = foreign.some(({ start, end }) => start <= span.start && span.end <= end);
      const comment = text.slice(span.start, span.end);
      const kept = commentWithoutSecrets(comment, (name) => plainKey.test(name));
      return { span, text: isForeign ? comment.replaceAll(/[^\n]+/g, `# ${hidden}`) : kept };
    });
}

/** Where the data of other plugins stand: what is said about it in a comment may be anything as well. */
function foreignData({ keys, value }: HclItem): Splice["span"][] {
  if (value.kind !== "object") return [];
  if (!keys.some(({ name }) => name.toLowerCase() === "plugin_data")) return value.items.flatMap(foreignData);
  return value.items.some((item) => /^keylime_/i.test(item.keys[0].name)) ? [] : [value.span];
}

function spliced(text: string, splices: readonly Splice[]): string {
  return splices
    .toSorted((a, b) => b.span.start - a.span.start)
    .reduce((rest, { span, text: put }) => rest.slice(0, span.start) + put + rest.slice(span.end), text);
}

function plainLines(text: string): string {
  let heredoc: string | undefined;
  const lines = text.split("\n").map((line) => {
    if (heredoc === undefined) {
      heredoc = /<<-?(\w+)\s*$/.exec(line)?.[1];
      return plainLine(line);
    }
    // A line of a heredoc may look like a key, and be the half of a secret.
    if (line.trim() === heredoc) heredoc = undefined;
    return hidden;
  });
  return lines.join("\n");
}

/** Blocks, and the values of keys that hold none but plain ones. */
function plainLine(line: string): string {
  const option = /^(\s*"?)([\w.-]+)("?\s*[=:]\s*)(.*)$/.exec(line);
  if (option === null) return /^[\w" -]*\{\s*$|^[}\],\s]*$/.test(line.trimStart()) ? line : hidden;
  const [, lead, name, sign, value] = option;
  // What ends in base64's filling looks like a key without a value.
  if (/^=*\s*$/.test(value!)) return hidden;
  const isShown = value === "{" || (plainKey.test(name!) && !isSecret(name!, value!));
  return isShown ? line : `${lead}${name}${sign}${hidden}`;
}
