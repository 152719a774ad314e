import { expect, it } from "vitest";
import { sampleReport } from "../../../../test/support/sample-report.js";
import { isHandshakeInDoubt } from "./handshake-text.js";

it("the handshake is in doubt where a cause concerns the leg from plugin to verifier, among others too", () => {
  const report = sampleReport();
  const [cause] = report.causes;
  const isInDoubt = (leg: string | null, others: string[] = [], stage: "handshake" | "connect" = "handshake") =>
    isHandshakeInDoubt({ ...report, causes: [{ ...cause!, stage, leg, other_legs: others }] });
  expect([
    isInDoubt("plugin->verifier"),
    isInDoubt("plugin->registrar", ["plugin->verifier"]),
    isInDoubt(null),
    isInDoubt("plugin->registrar", ["verifier->agent"]),
    isInDoubt("plugin->verifier", [], "connect"),
  ]).toEqual([true, true, true, false, false]);
});
