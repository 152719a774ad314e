import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { pluginBlock, pluginData } from "../../../src/peers/real/spire-config.js";
import { builtExecutable } from "../../support/built-executable.js";

type Values = Parameters<typeof pluginData>[0];

/** The `NodeAttestor "keylime"` block of one half, checksum included. */
export function ourPluginBlock(half: "server" | "agent", values: Values): string {
  const command = builtExecutable();
  const checksum = createHash("sha256").update(readFileSync(command)).digest("hex");
  return pluginBlock({ command, args: ["plugin", half], checksum, data: pluginData(values) });
}
