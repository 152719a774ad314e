import { describe, expect, it } from "vitest";
import { checks } from "./checks/index.js";
import type { EndpointFacts } from "./facts/endpoints/endpoint-facts.js";
import { known, unknown } from "./facts/fact.js";
import type { Facts } from "./facts/facts.js";
import type { CheckResult } from "./run.js";
import { type Examination, exitCodeOf, verdictOf } from "./verdict.js";

const everyCheck = (outcome: CheckResult["outcome"]): CheckResult[] =>
  Object.values(checks).map((check) => ({ check, outcome }));
const clear = everyCheck({ is: "clear", because: "so" });

/** A verifier that ends the handshake with an alert once it has seen the certificate. */
const refusing = {
  role: "verifier",
  host: "10.0.0.7",
  port: 8881,
  connections: [
    {
      presented: { name: "/etc/spire/plugin.crt", label: "configured" },
      probed: { outcome: "refused", alert: { from: "server", number: 80, name: "internal_error" }, http: null },
    },
  ],
} as unknown as EndpointFacts;

const absent = unknown("no server.conf in any of the usual places", "the usual places");

const examined = (
  endpoints: Facts["endpoints"],
  results: readonly CheckResult[],
  spireServer = absent,
): Examination => ({
  facts: { endpoints, spireServer, spireAgent: absent } as Facts,
  causes: [],
  findings: [],
  results,
});

function verdict(examination: Examination): unknown[] {
  const told = verdictOf(examination);
  return [told.outcome, told.text, told.next_step, exitCodeOf(examination, told, "error")];
}

describe("the verdict", () => {
  it("is no all-clear where a service refuses its client and no check knows why", () => {
    expect(verdict(examined(known([refusing], "test"), clear))).toEqual([
      "refused",
      "the verifier at 10.0.0.7:8881 refuses /etc/spire/plugin.crt (alert 80 internal_error), and no check knows why",
      "look into its log, and at the handshake: spire-keylime probe 10.0.0.7:8881 --help",
      1,
    ]);
  });

  it("leaves a refusal to the checks that were not run", () => {
    expect(verdict(examined(known([refusing], "test"), clear.slice(1)))[0]).toBe("nothing-found");
  });

  it("is none where no check could judge anything", () => {
    const nothing = everyCheck({ is: "unknown", reason: "not read" });
    expect(verdict(examined(unknown("offline", "test"), nothing))).toEqual([
      "not-examined",
      "nothing could be examined",
      "name the configuration with --server-config and --agent-config, or a copied machine with --root",
      3,
    ]);
  });

  it("names the file that this user may not read", () => {
    const nothing = everyCheck({ is: "unknown", reason: "not read" });
    const denied = unknown("permission denied", "/etc/spire/server.conf");
    expect(verdict(examined(unknown("offline", "test"), nothing, denied))[2]).toBe(
      "run it as a user that may read /etc/spire/server.conf",
    );
  });
});
