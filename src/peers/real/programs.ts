import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The real programs that the lab and the tests start; their names on PATH. */
export type PeerName =
  | "spire-server"
  | "spire-agent"
  | "keylime_verifier"
  | "keylime_registrar"
  | "keylime_tenant"
  | "node22"
  | "node24"
  | "node26"
  | "python3";

/** The program's path in the first of the directories that has it; `path` is written as PATH is. */
export function findProgram(name: PeerName, path: string): string | undefined {
  return path
    .split(delimiter)
    .filter((directory) => directory !== "")
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
