import type { Checks } from "../check.js";
import { pluginBadValue } from "./plugin-bad-value.js";
import { pluginDefaultCert } from "./plugin-default-cert.js";
import { pluginUnknownKey } from "./plugin-unknown-key.js";
import { spireConfSyntax } from "./spire-conf-syntax.js";
import { spirePluginChecksum } from "./spire-plugin-checksum.js";
import { spirePluginDuplicate } from "./spire-plugin-duplicate.js";
import { spirePluginMissing } from "./spire-plugin-missing.js";
import { spireTrustDomain } from "./spire-trust-domain.js";

export const spireChecks = {
  "plugin-unknown-key": pluginUnknownKey,
  "plugin-bad-value": pluginBadValue,
  "plugin-default-cert": pluginDefaultCert,
  "spire-plugin-checksum": spirePluginChecksum,
  "spire-plugin-missing": spirePluginMissing,
  "spire-plugin-duplicate": spirePluginDuplicate,
  "spire-conf-syntax": spireConfSyntax,
  "spire-trust-domain": spireTrustDomain,
} as const satisfies Checks;
