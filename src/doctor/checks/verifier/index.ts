import type { Checks } from "../check.js";
import { verifierConfigDrift } from "./verifier-config-drift.js";
import { verifierOverridden } from "./verifier-overridden.js";
import { verifierTrustEmpty } from "./verifier-trust-empty.js";
import { verifierTrustListSyntax } from "./verifier-trust-list-syntax.js";
import { verifierTrustTooWide } from "./verifier-trust-too-wide.js";
import { verifierWrongSection } from "./verifier-wrong-section.js";

export const verifierChecks = {
  "verifier-wrong-section": verifierWrongSection,
  "verifier-trust-list-syntax": verifierTrustListSyntax,
  "verifier-trust-empty": verifierTrustEmpty,
  "verifier-trust-too-wide": verifierTrustTooWide,
  "verifier-overridden": verifierOverridden,
  "verifier-config-drift": verifierConfigDrift,
} as const satisfies Checks;
