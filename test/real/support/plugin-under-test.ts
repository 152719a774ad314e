import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pluginBlock, pluginData } from "../../../src/peers/real/spire-config.js";

type Values = Parameters<typeof pluginData>[0];

/** The built executable, or the installed one that `SPIRE_KEYLIME_EXECUTABLE` names; the suites never run the sources. */
export function pluginExecutable(): string {
  const built = fileURLToPath(new URL("../../../dist/spire-keylime.cjs", import.meta.url));
  const path = process.env.SPIRE_KEYLIME_EXECUTABLE ?? built;
  if (!existsSync(path)) throw new Error(`${path} is missing: run npm run build`);
  return path;
}

/** The `NodeAttestor "keylime"` block of one half, checksum included. */
export function ourPluginBlock(half: "server" | "agent", values: Values): string {
  const command = pluginExecutable();
  const checksum = createHash("sha256").update(readFileSync(command)).digest("hex");
  return pluginBlock({ command, args: ["plugin", half], checksum, data: pluginData(values) });
}
