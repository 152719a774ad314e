import type { Checks } from "../check.js";

export const certificateChecks = {} as const satisfies Checks;
