import { killLivingChildren } from "../../peers/real/child.js";

/**
 * The lab's own answer to signals, from now until the process ends: a closed terminal ends the lab as Ctrl-C does, and a
 * second Ctrl-C does not end this process before it has ended what it started, but makes that quick.
 */
export function labInterruption(interrupted: AbortSignal): AbortSignal {
  const hangUp = new AbortController();
  process.on("SIGHUP", () => hangUp.abort("SIGHUP"));
  let count = 0;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      count++;
      if (count > 1) killLivingChildren();
    });
  }
  return AbortSignal.any([interrupted, hangUp.signal]);
}
