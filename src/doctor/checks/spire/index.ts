import type { Checks } from "../check.js";
import { pluginUnknownKey } from "./plugin-unknown-key.js";
import { spireConfSyntax } from "./spire-conf-syntax.js";

export const spireChecks = {
  "plugin-unknown-key": pluginUnknownKey,
  "spire-conf-syntax": spireConfSyntax,
} as const satisfies Checks;
