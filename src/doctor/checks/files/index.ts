import type { Checks } from "../check.js";

export const fileChecks = {} as const satisfies Checks;
