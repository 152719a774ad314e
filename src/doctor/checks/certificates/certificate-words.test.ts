import { describe, expect, it } from "vitest";
import { isEndpoint, x509Command } from "./certificate-words.js";

describe("where a certificate was found", () => {
  it.each([
    ["127.0.0.1:9002", true],
    ["[::1]:8881", true],
    ["::1:8881", true],
    ["verifier.example.org:8881", true],
    ["/etc/keylime/certs/verifier.crt", false],
    ["/etc/certs:8881", false],
    ["copy/etc/verifier.crt:1", false],
  ])("%s: at a server %s", (path, expected) => {
    expect(isEndpoint(path)).toBe(expected);
  });

  it("decides the command that shows it", () => {
    expect(["/etc/verifier.crt", "127.0.0.1:9002"].map((path) => x509Command(path, "-noout -dates"))).toEqual([
      "openssl x509 -in /etc/verifier.crt -noout -dates",
      "openssl s_client -connect 127.0.0.1:9002 </dev/null 2>/dev/null | openssl x509 -noout -dates",
    ]);
  });
});
