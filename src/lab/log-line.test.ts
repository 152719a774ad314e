import { expect, it } from "vitest";
import { logLine } from "./log-line.js";

it("tells what happened and leaves out where the line comes from", () => {
  const fields = { level: "info", time: "now", plugin_name: "keylime", serial: "0a", attempts: 2, ok: true, list: [1] };
  expect(logLine("Took new client certificate", fields)).toBe(
    "Took new client certificate serial=0a attempts=2 ok=true",
  );
});

it("keeps a message of several lines on one", () => {
  expect(logLine("first\n  second", { error: "third\r\nfourth" })).toBe("first second error=third fourth");
});
