import type { Tree } from "./machine-tree.js";

/** A verifier as /proc tells it: when it started, before (-) or after now, and its environment; null: another user's. */
export interface Running {
  startedInS: number;
  environment?: Readonly<Record<string, string>> | null;
}

const pid = 4711;
const upS = 7200;

/** /proc of a machine that runs a verifier. */
export function runningVerifier({ startedInS, environment = {} }: Running): Tree {
  const bootS = Math.floor(Date.now() / 1000) + startedInS - upS;
  const start = ["S", 1, ...Array.from({ length: 17 }, () => 0), upS * 100];
  const variables = Object.entries(environment ?? {}).map(([name, value]) => `${name}=${value}\0`);
  return {
    "/proc/stat": `cpu 0 0 0 0\nbtime ${bootS}\n`,
    [`/proc/${pid}/cmdline`]: "/usr/bin/python3\0/usr/local/bin/keylime_verifier\0",
    [`/proc/${pid}/stat`]: `${pid} (keylime_verifier) ${start.join(" ")}\n`,
    [`/proc/${pid}/status`]: "Uid:\t990\t990\t990\t990\nGid:\t990\t990\t990\t990\nGroups:\t990\n",
    ...(environment === null ? {} : { [`/proc/${pid}/environ`]: variables.join("") }),
  };
}
