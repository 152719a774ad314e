import { hidden } from "../facts/processes/hidden-values.js";
import { commentWithoutSecrets, isSecret, unquoted, withoutKeys } from "./secret-text.js";

/** An INI or TOML file with its secrets hidden, line by line, so that a file that does not parse can be told as well. */
export function redactLines(text: string): string {
  let inSecret = false;
  const lines = withoutKeys(text)
    .split("\n")
    .map((line) => {
      if (/^\s*[#;]/.test(line)) return commentWithoutSecrets(line);
      const option = /^(\s*["']?)([\w.-]+)(["']?\s*[=:]\s*)(.*)$/.exec(line);
      // A deeper indented line, or one of a text over several lines, goes on with the value before.
      if (option === null) return inSecret && !/^\s*(\[[\w.-]+\]\s*)?$/.test(line) ? hidden : line;
      const [, lead, name, sign, value] = option;
      inSecret = isSecret(name!, unquoted(value!));
      return inSecret && value !== "" ? `${lead}${name}${sign}${hidden}` : line;
    });
  return lines.join("\n");
}
