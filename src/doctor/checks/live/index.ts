import type { Checks } from "../check.js";

export const liveChecks = {} as const satisfies Checks;
