import type { Command } from "commander";
import { Problem } from "../../core/problem.js";

/** An option that does nothing without one of others, as they are typed, and what to do then. */
export interface NeededOption {
  given: readonly string[];
  needed: readonly string[];
  hint: string;
}

/** An option that would be ignored is an error: whoever gave it believes that it works. */
export function checkNeededOptions(command: Command, rows: readonly NeededOption[]): void {
  for (const { given, needed, hint } of rows) {
    const alone = given.find((option) => isGiven(command, option));
    if (alone === undefined || needed.some((option) => isGiven(command, option))) continue;
    throw new Problem("usage", `${alone} needs ${needed.join(" or ")}`, { culprit: "usage", hint });
  }
}

function isGiven(command: Command, long: string): boolean {
  const option = command.options.find((one) => one.long === long);
  return option !== undefined && command.getOptionValueSource(option.attributeName()) === "cli";
}
