import { describe, expect, it } from "vitest";
import { success } from "./answer.js";
import { keylimeVersions, versionSet } from "./api-versions.js";
import { matchRoute, type Route, versioned } from "./route.js";

const route = (method: Route["method"], pattern: string): Route => ({
  method,
  pattern,
  access: "public",
  action: "read",
  handle: () => success(),
});

describe("matchRoute", () => {
  const routes = versioned(["2", "2.6"], [route("GET", "/agents"), route("PUT", "/agents/:agent_id/stop")]);

  it.each([
    ["GET", "/v2/agents", {}],
    ["GET", "/v2.6/agents/", {}],
    ["PUT", "/v2.6/agents/a%20b/stop", { agent_id: "a%20b" }],
  ])("finds %s %s with its parameters as sent", (method, path, params) => {
    expect(matchRoute(routes, method, path)).toMatchObject({ kind: "route", params });
  });

  it.each([
    ["POST", "/v2.6/agents", "other-method"],
    ["GET", "/v2.6/agents/a/stop", "other-method"],
    ["GET", "/v2.5/agents", "none"],
    ["PUT", "/v2.6/agents//stop", "none"],
    ["GET", "//v2.6/agents", "none"],
    ["GET", "", "none"],
  ])("answers %s %s with %s", (method, path, kind) => {
    expect(matchRoute(routes, method, path)).toEqual({ kind });
  });
});

describe("versionSet", () => {
  it("serves the 2.x of what is listed, and takes the newest for the current one", () => {
    expect(versionSet(["1.0", "2.10", "2.9", "3.0"])).toEqual({
      all: ["1.0", "2.10", "2.9", "3.0"],
      current: "2.10",
      served: ["2", "2.10", "2.9"],
    });
    expect(versionSet()).toMatchObject({ all: keylimeVersions, current: "2.6" });
  });

  it("needs one of 2.x", () => expect(() => versionSet(["1.0", "3.0"])).toThrow("no 2.x version among 1.0, 3.0"));
});
