import type { Scope } from "./facts.js";

/**
 * A copied machine does not say it, which proves nothing: the rest of its configuration may not have been copied. `said` is
 * where or what it says.
 */
export function isUnsaid({ root }: Scope, said: object | undefined): boolean {
  return root !== undefined && said === undefined;
}
