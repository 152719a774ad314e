import { describe, expect, it } from "vitest";
import { parseHcl } from "../../../formats/hcl/parser.js";
import type { PluginKind, SpireHalf } from "./spire-facts.js";
import { defaultsOf, keysOf, understandData } from "./understand-data.js";

const understand = (text: string, kind: PluginKind, half: SpireHalf = "server", executableKeys: string[] = []) =>
  understandData({ items: parseHcl(text).items, half, kind, executableKeys, file: "server.conf" });

const misspelt = 'keylime_tls_client_cert_file = "/etc/a.crt"\nkeylime_tls_ca_cert_file = "/etc/ca.crt"';

describe("understandData", () => {
  it("lets the Go plugin ignore a key that it does not know, and present its default", () => {
    const { keys, server, problems } = understand(misspelt, "go");
    expect(keys.map(({ name, knownAs, at }) => [name, knownAs, at.line])).toEqual([
      ["keylime_tls_client_cert_file", undefined, 1],
      ["keylime_tls_ca_cert_file", "keylime_tls_ca_cert_file", 2],
    ]);
    expect(problems).toEqual([]);
    expect(server).toMatchObject({
      verifiesServer: false,
      tls: {
        certFile: { path: defaultsOf("server", "go").keylime_tls_cert_file, isDefault: true },
        caFile: { path: "/etc/ca.crt", isDefault: false, at: { line: 2 } },
      },
    });
  });

  it("takes the same key for an alias where our plugin reads it", () => {
    const { keys, server } = understand(misspelt, "ours");
    expect(keys.map(({ name, knownAs }) => [name, knownAs])).toEqual([
      ["keylime_tls_client_cert_file", "keylime_tls_cert_file"],
      ["keylime_tls_ca_cert_file", "keylime_tls_ca_cert_file"],
    ]);
    expect(server).toMatchObject({ verifiesServer: true, tls: { certFile: { path: "/etc/a.crt" } } });
  });

  it("tells hosts, ports and files as written, and keeps every other value to itself", () => {
    const { keys } = understand('keylime_verifier_host = "v"\nvault_token = "secret"', "go");
    expect(keys.map(({ name, value }) => [name, value])).toEqual([
      ["keylime_verifier_host", "v"],
      ["vault_token", undefined],
    ]);
  });

  it("has a Go build that knows the registrar ask it with the verifier's files", () => {
    const data = 'keylime_registrar_host = "r.example.org"\nkeylime_registrar_port = "8899"';
    const known = ["keylime_registrar_host", "keylime_registrar_port"];
    expect(understand(data, "go", "server", known).server?.registrar).toMatchObject({
      url: "https://r.example.org:8899",
      tls: { certFile: { isDefault: true } },
    });
    expect(understand(data, "go").server?.registrar).toBeUndefined();
  });

  it("has the public Go agent half speak plain HTTP to the usual port", () => {
    expect(understand("", "go", "agent").agent).toMatchObject({
      host: "127.0.0.1",
      port: 9002,
      useTls: false,
      tls: {},
    });
  });

  it("tells of a bad value for our plugin and goes on with the default, so that the rest can be judged", () => {
    const { problems, server } = understand('keylime_verifier_port = "0"', "ours");
    expect(problems.map(({ code, at }) => [code, at?.line])).toEqual([["plugin-bad-value", 1]]);
    expect(server).toMatchObject({ verifiers: [{ host: "127.0.0.1", port: 8881 }] });
  });
});

describe("keysOf", () => {
  it("counts our aliases, and what a Go executable names beside the public keys", () => {
    expect(keysOf("server", "ours", [])).toContain("keylime_tls_client_cert_file");
    expect(keysOf("server", "go", ["keylime_tls_cert_file", "auto_enroll"])).toEqual([
      ...Object.keys(defaultsOf("server", "go")),
      "auto_enroll",
    ]);
  });
});
