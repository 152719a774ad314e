import type { Checks } from "../check.js";
import { verifierTrustEmpty } from "./verifier-trust-empty.js";
import { verifierTrustListSyntax } from "./verifier-trust-list-syntax.js";
import { verifierWrongSection } from "./verifier-wrong-section.js";

export const verifierChecks = {
  "verifier-wrong-section": verifierWrongSection,
  "verifier-trust-list-syntax": verifierTrustListSyntax,
  "verifier-trust-empty": verifierTrustEmpty,
} as const satisfies Checks;
