import { describe, expect, it } from "vitest";
import { durationText, parseDuration } from "./duration.js";
import { nearestName } from "./nearest.js";
import { errorText, Problem, Problems, problemLine } from "./problem.js";

describe("parseDuration", () => {
  it.each([
    ["10s", 10_000],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    ["250ms", 250],
    [".5s", 500],
    ["0", 0],
  ])("reads %s", (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(["", "10", "s", "-1s", "1 s", "1s ", "1d", "1s2"])("refuses %j", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it("prints what people read", () => {
    expect([850, 999.7, 1000, 1250, 12_400, 59_800, 185_000, 7_800_000].map(durationText)).toEqual([
      "850ms",
      "1s",
      "1s",
      "1.3s",
      "12s",
      "1m00s",
      "3m05s",
      "2h10m",
    ]);
  });
});

describe("nearestName", () => {
  const known = ["keylime_tls_cert_file", "keylime_tls_key_file", "keylime_tls_ca_cert_file", "keylime_verifier_host"];

  it("finds the key a longer spelling means", () => {
    expect(nearestName("keylime_tls_client_cert_file", known)).toBe("keylime_tls_cert_file");
    expect(nearestName("keylime_tls_client_key_file", known)).toBe("keylime_tls_key_file");
  });

  it("takes among keys that have one word more or less the one that is spelt more alike", () => {
    const both = ["keylime_tls_client_cert_file", "keylime_registrar_tls_cert_file"];
    expect(nearestName("keylime_registrar_tls_client_cert_file", both)).toBe("keylime_registrar_tls_cert_file");
  });

  it("finds a typing error", () => expect(nearestName("keylime_verifer_host", known)).toBe("keylime_verifier_host"));

  it("suggests nothing for something unrelated", () => expect(nearestName("banana", known)).toBeUndefined());
});

describe("Problem", () => {
  const problem = new Problem("plugin-missing-file", 'cannot load client certificate "/a.crt": no such file', {
    culprit: "configuration",
    hint: "create it",
    at: { file: "server.conf", line: 3, column: 5 },
  });

  it("prints code, message, place and hint on one line", () => {
    expect(problemLine(problem)).toBe(
      '[plugin-missing-file] cannot load client certificate "/a.crt": no such file (server.conf:3:5); create it',
    );
  });

  it("lists several at once", () => {
    expect(new Problems("invalid configuration", [problem, problem]).message).toMatch(
      /^invalid configuration: \[.*; \[/,
    );
  });

  it("turns anything thrown into one line", () => {
    expect(errorText(new Error("a\n  b"))).toBe("a b");
    expect(errorText("x")).toBe("x");
  });
});
