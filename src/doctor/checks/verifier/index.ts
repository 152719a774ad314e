import type { Checks } from "../check.js";

export const verifierChecks = {} as const satisfies Checks;
