import type { Checks } from "../check.js";

export const nodeChecks = {} as const satisfies Checks;
