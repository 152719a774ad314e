import type { FaultId } from "../faults/faults.js";
import { KeylimeError } from "./keylime-error.js";

/** API versions this program speaks, oldest first: 2.2 brought `agent/info` and `verify/identity`. */
export const knownApiVersions = ["2.2", "2.3", "2.4", "2.5", "2.6"] as const;
export type ApiVersion = (typeof knownApiVersions)[number];

/**
 * The versions in the results of /version: a list from verifier, registrar and newer agents; one version from agents
 * before 0.2.9. Undefined when there are none.
 */
export function parseOfferedVersions(results: Readonly<Record<string, unknown>>): string[] | undefined {
  const { supported_versions: list, supported_version: single, current_version: current } = results;
  if (Array.isArray(list)) return list.filter((each) => typeof each === "string");
  const only = single ?? current;
  return typeof only === "string" ? [only] : undefined;
}

export interface VersionChoice {
  offered: readonly string[];
  setting: ApiVersion | "auto";
  /** Who offers, for messages: `the Keylime verifier at 127.0.0.1:8881`. */
  who: string;
  fault: FaultId;
  call: string;
}

/**
 * The newest version both sides speak, within 2.x: 3.0 is another protocol, and 1.0 is advertised without being served.
 * Throws a KeylimeError with the given fault when there is none.
 */
export function chooseApiVersion({ offered, setting, who, fault, call }: VersionChoice): ApiVersion {
  const common = knownApiVersions.filter((each) => offered.includes(each));
  const chosen = setting === "auto" ? common.at(-1) : common.find((each) => each === setting);
  if (chosen !== undefined) return chosen;
  const wanted = setting === "auto" ? `${knownApiVersions[0]} to ${knownApiVersions.at(-1)}` : setting;
  const offers = offered.length === 0 ? "none" : offered.slice(0, 20).join(", ").slice(0, 200);
  const hint =
    setting === "auto"
      ? "upgrade Keylime to 7.11 or newer, its agent to 0.2.7 or newer"
      : "set keylime_api_version to auto";
  const message = `${who} speaks no API version in common with this program: it offers ${offers}, wanted ${wanted}`;
  throw new KeylimeError(
    fault,
    message,
    { culprit: "peer", hint },
    { call, httpStatus: undefined, serverText: undefined },
  );
}
