import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The built executable, or the installed one that `SPIRE_KEYLIME_EXECUTABLE` names; such suites never run the sources. */
export function builtExecutable(): string {
  const built = fileURLToPath(new URL("../../dist/spire-keylime.cjs", import.meta.url));
  const path = process.env.SPIRE_KEYLIME_EXECUTABLE ?? built;
  if (!existsSync(path)) throw new Error(`${path} is missing: run npm run build`);
  return path;
}
