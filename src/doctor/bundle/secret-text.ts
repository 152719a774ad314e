import { hidden, shownValue } from "../facts/processes/hidden-values.js";

const secretName = /pass|secret|token|credential|connection_string|dsn|access_key/i;

/** Whether the option with this name holds a secret, or a value of this form is one. */
export function isSecret(name: string, value: string): boolean {
  if (/_file$/i.test(name)) return shownValue(name, value) === hidden;
  return secretName.test(name) || shownValue(name, value) === hidden || /(pass\w*|secret|token)\s*[=:]/i.test(value);
}

/** Text without what is secret wherever it stands: private keys, and who logs in where an URL says so. */
export function withoutKeys(text: string): string {
  return text
    .replaceAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, hidden)
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@"'\\]+@/gi, `$1${hidden}@`);
}

/** A comment; of an option that was commented out the value is judged by its name. */
export function commentWithoutSecrets(comment: string, isKnown: (name: string) => boolean = () => true): string {
  return comment
    .split("\n")
    .map((line) => {
      const option = /^(\W*)([\w.-]+)(\s*[=:]\s*)(.*)$/.exec(line);
      if (option === null) return secretName.test(line) ? `# ${hidden}` : line;
      const [, lead, name, sign, value] = option;
      return isKnown(name!) && !isSecret(name!, unquoted(value!)) ? line : `${lead}${name}${sign}${hidden}`;
    })
    .join("\n");
}

export function unquoted(value: string): string {
  return value.trim().replaceAll(/^["'[\s]+|["'\]\s]+$/g, "");
}
