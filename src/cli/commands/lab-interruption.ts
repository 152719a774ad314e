import { killLivingChildren } from "../../peers/real/child.js";

/**
 * The lab's own answer to signals: a closed terminal ends it as Ctrl-C does, and a second Ctrl-C does not end this process
 * before it has ended what it started, but makes that quick.
 */
export function labInterruption(interrupted: AbortSignal): { signal: AbortSignal; release(): void } {
  const hangUp = new AbortController();
  const onHangUp = () => hangUp.abort("SIGHUP");
  let count = 0;
  const onSignal = () => {
    count++;
    if (count > 1) killLivingChildren();
  };
  process.on("SIGHUP", onHangUp);
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, onSignal);
  return {
    signal: AbortSignal.any([interrupted, hangUp.signal]),
    release() {
      process.off("SIGHUP", onHangUp);
      for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, onSignal);
    },
  };
}
