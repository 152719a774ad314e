import { describe, expect, it } from "vitest";
import { known, unknown } from "../fact.js";
import type { ProcessFacts } from "../processes/process-facts.js";
import { serviceEnvironment } from "./service-environment.js";

function verifier(pid: number, environment: Record<string, string> | undefined, isWorker = false): ProcessFacts {
  const source = `/proc/${pid}`;
  return {
    service: "keylime_verifier",
    pid,
    parentPid: 1,
    isWorker,
    startedMs: 0,
    uid: 0,
    gid: 0,
    groups: [],
    user: "root",
    command: ["keylime_verifier"],
    environment: environment === undefined ? unknown("permission denied", source) : known(environment, source),
    workingDirectory: unknown("not looked at", source),
    executable: unknown("not looked at", source),
    openConfiguration: unknown("not looked at", source),
    listens: unknown("not looked at", source),
  };
}

const named = (file: string) => ({ KEYLIME_VERIFIER_CONFIG: file });
const environment = (processes: readonly ProcessFacts[], asked?: string) =>
  serviceEnvironment({ processes, units: [] }, "verifier", asked);

describe("the environment of a service", () => {
  it("is that of the process which was started with the file that is asked for", () => {
    const processes = [verifier(7, named("/a.conf")), verifier(8, named("/b.conf")), verifier(9, {})];
    expect(environment(processes, "/b.conf")).toEqual({ values: named("/b.conf"), from: "process 8" });
    expect(environment(processes)).toEqual({ values: {}, from: "process 9" });
  });

  it("is that of the first process when none was started with that file, workers left out", () => {
    const processes = [verifier(6, {}, true), verifier(7, named("/a.conf")), verifier(8, named("/b.conf"))];
    expect(environment(processes, "/c.conf")).toEqual({ values: named("/a.conf"), from: "process 7" });
  });

  it("is empty, with the reason, where no process can be looked at and no unit starts one", () => {
    expect(environment([verifier(7, undefined)])).toEqual({
      values: {},
      from: "no process and no unit of it was found",
    });
  });
});
