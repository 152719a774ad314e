import { parse, TomlError, type TomlTable } from "smol-toml";
import { Problem, type SourcePosition } from "../../core/problem.js";
import type { TomlDocument } from "./document.js";
import { scanPlaces } from "./places.js";

export interface ParseTomlOptions {
  /** The file's name, for positions in errors. */
  file?: string;
}

/** Parses TOML. Throws a Problem `keylime-conf-syntax` with the place of the first error. */
export function parseToml(text: string, { file }: ParseTomlOptions = {}): TomlDocument {
  const values = parseValues(text, file);
  return { text, values, ...scanPlaces(text) };
}

function parseValues(text: string, file: string | undefined): TomlTable {
  try {
    return parse(text, { integersAsBigInt: true });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const at: SourcePosition = { line: error.line, column: error.column };
    if (file !== undefined) at.file = file;
    throw new Problem("keylime-conf-syntax", reason(error), { culprit: "configuration", at, cause: error });
  }
}

/** smol-toml's message is the reason, a blank line, and the lines around the place. */
function reason({ message }: TomlError): string {
  return message.split("\n", 1)[0]!.replace(/^Invalid TOML document: /, "");
}
