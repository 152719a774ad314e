// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${…} is a variable of SPIRE's -expandEnv here.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Problem, problemLine } from "../core/problem.js";
import { parseHcl } from "../formats/hcl/parser.js";
import { judgeServerItems, parseAgentData, parseServerData } from "./plugin-data.js";
import { agentKeys, goPluginKeys, serverKeys } from "./schema.js";

const lines = ({ problems, warnings }: { problems: Problem[]; warnings: Problem[] }) => ({
  problems: problems.map(problemLine),
  warnings: warnings.map(problemLine),
});

function serverProblems(hcl: string): string[] {
  const { settings, problems } = parseServerData(hcl);
  expect(settings === undefined).toBe(problems.length > 0);
  return problems.map(problemLine);
}

const defaultFile = (key: string, name: string) => ({ path: `/var/lib/keylime/cv_ca/${name}`, key, isDefault: true });

describe("the server half's plugin_data", () => {
  it("fills every default in", () => {
    const { settings, understood, ...rest } = parseServerData("");
    expect(understood).toBe(settings);
    const tls = {
      caFile: defaultFile("keylime_tls_ca_cert_file", "cacert.crt"),
      certFile: defaultFile("keylime_tls_cert_file", "server-cert.crt"),
      keyFile: defaultFile("keylime_tls_key_file", "server-private.pem"),
      keyPasswordKey: "keylime_tls_key_password_file",
    };
    expect(rest).toEqual({ raw: [], problems: [], warnings: [] });
    expect(settings).toEqual({
      verifiers: [{ host: "127.0.0.1", port: 8881, url: "https://127.0.0.1:8881" }],
      tls,
      registrar: { host: "127.0.0.1", port: 8891, url: "https://127.0.0.1:8891", tls },
      apiVersion: "auto",
      requestTimeoutMs: 10_000,
      attestationTimeoutMs: 60_000,
      maxAttestationAgeMs: "auto",
      requireRuntimePolicy: false,
      requireMeasuredBoot: false,
      requireAgentMtls: false,
      allowedHashAlgs: ["sha256", "sha384", "sha512"],
      allowedSignAlgs: ["rsassa", "ecdsa"],
      agentPathTemplate: "{{ .PluginName }}/{{ .UUID }}",
      selectors: [
        "uuid",
        "verifier_id",
        "hash_alg",
        "enc_alg",
        "sign_alg",
        "runtime_policy",
        "mb_policy",
        "attestation_mode",
        "agent_mtls",
        "ek_cert",
        "meta",
      ],
      origins: Object.fromEntries(Object.keys(serverKeys).map((key) => [key, { key, isDefault: true }])),
    });
  });

  it("reads every key and says where each came from", () => {
    const text = `
keylime_verifier_urls = ["https://v1.example:8881", "https://[::1]:9999/", "https://V1.example:8881"]
keylime_verifier_server_name = "verifier"
keylime_tls_ca_cert_file = "/ca"
KEYLIME_TLS_CLIENT_CERT_FILE = "/cert"
keylime_tls_key_file = "/key"
keylime_tls_key_password_file = "/password"
keylime_api_version = "2.4"
request_timeout = "2.5s"
attestation_timeout = "1m30s"
max_attestation_age = "5m"
require_runtime_policy = true
require_measured_boot = true
require_agent_mtls = true
keylime_registrar_host = "::1"
keylime_registrar_port = 8892
keylime_registrar_server_name = "registrar"
keylime_registrar_tls_ca_cert_file = "/rca"
keylime_registrar_tls_cert_file = "/rcert"
keylime_registrar_tls_key_file = "/rkey"
allowed_hash_algs = ["sha512", "sha256"]
allowed_sign_algs = ["ecdsa"]
agent_path_template = "/node-{{.UUID}}"
selectors = ["meta", "uuid"]
`;
    const at = (line: number, column: number) => ({ file: "server.conf", line, column });
    const { settings, problems, warnings } = judgeServerItems(parseHcl(text).items, "server.conf");
    expect({ problems, warnings }).toEqual({ problems: [], warnings: [] });
    expect(settings).toMatchObject({
      verifiers: [
        { host: "V1.example", port: 8881, url: "https://V1.example:8881" },
        { host: "::1", port: 9999, url: "https://[::1]:9999" },
      ],
      verifierServerName: "verifier",
      tls: {
        caFile: { path: "/ca", key: "keylime_tls_ca_cert_file", isDefault: false, at: at(4, 28) },
        certFile: { path: "/cert", key: "KEYLIME_TLS_CLIENT_CERT_FILE", isDefault: false, at: at(5, 32) },
        keyFile: { path: "/key", key: "keylime_tls_key_file", isDefault: false, at: at(6, 24) },
        keyPasswordFile: { path: "/password", key: "keylime_tls_key_password_file", isDefault: false, at: at(7, 33) },
      },
      registrar: {
        host: "::1",
        port: 8892,
        url: "https://[::1]:8892",
        serverName: "registrar",
        tls: {
          caFile: { path: "/rca", key: "keylime_registrar_tls_ca_cert_file" },
          certFile: { path: "/rcert", key: "keylime_registrar_tls_cert_file" },
          keyFile: { path: "/rkey", key: "keylime_registrar_tls_key_file" },
        },
      },
      apiVersion: "2.4",
      requestTimeoutMs: 2500,
      attestationTimeoutMs: 90_000,
      maxAttestationAgeMs: 300_000,
      requireRuntimePolicy: true,
      requireMeasuredBoot: true,
      requireAgentMtls: true,
      allowedHashAlgs: ["sha256", "sha512"],
      allowedSignAlgs: ["ecdsa"],
      agentPathTemplate: "/node-{{.UUID}}",
      selectors: ["uuid", "meta"],
    });
    expect(settings!.registrar.tls.keyPasswordFile).toBeUndefined();
    expect(settings!.origins.keylime_tls_cert_file).toEqual({
      key: "KEYLIME_TLS_CLIENT_CERT_FILE",
      isDefault: false,
      at: at(5, 32),
    });
    expect(settings!.origins.keylime_verifier_host).toEqual({ key: "keylime_verifier_host", isDefault: true });
  });

  it("takes what SPIRE prints of a JSON configuration, nulls included", () => {
    const { settings, problems } = parseServerData(
      '"keylime_tls_ca_cert_file" = \n\n"keylime_verifier_port" = "8882"\n\n"keylime_verifier_host" = ',
    );
    expect(problems).toEqual([]);
    expect(settings!.verifiers[0].url).toBe("https://127.0.0.1:8882");
  });

  it("takes JSON", () => {
    expect(parseServerData('{"keylime_verifier_port": 8882, "selectors": ["uuid"]}').settings).toMatchObject({
      verifiers: [{ port: 8882 }],
      selectors: ["uuid"],
    });
  });

  it("takes an empty string for the default, as the Go plugin does", () => {
    const { settings } = parseServerData(
      'keylime_tls_cert_file = ""\nkeylime_tls_key_file = ""\nkeylime_verifier_port = ""',
    );
    expect(settings!.tls.certFile).toEqual(defaultFile("keylime_tls_cert_file", "server-cert.crt"));
    expect(settings!.verifiers[0].port).toBe(8881);
  });

  it("reports everything that is wrong at once, each with its place", () => {
    expect(
      serverProblems(`keylime_tls_client_crt_file = "/x"
keylime_verifer_host = "v"
banana = 1
auto_enroll { }
keylime_agent_host = "x"
keylime_verifier_port = 65536
require_agent_mtls = "true"
request_timeout = 10
attestation_timeout = "1d"
selectors = ["uid", "meta"]
agent_path_template = "{{ .PluginName }}"`),
    ).toEqual([
      '[plugin-unknown-key] unknown key "keylime_tls_client_crt_file" in the server plugin\'s plugin_data; did you mean keylime_tls_client_cert_file?',
      '[plugin-unknown-key] unknown key "keylime_verifer_host" in the server plugin\'s plugin_data; did you mean keylime_verifier_host?',
      '[plugin-unknown-key] unknown key "banana" in the server plugin\'s plugin_data; remove it',
      '[plugin-unknown-key] unknown key "auto_enroll" in the server plugin\'s plugin_data; remove it',
      "[plugin-unknown-key] unknown key \"keylime_agent_host\" in the server plugin's plugin_data; move it to the agent plugin's plugin_data, where it belongs",
      '[plugin-bad-value] keylime_verifier_port is "65536": it is no port number from 1 to 65535',
      '[plugin-bad-value] request_timeout must be a duration, found a number; add a unit, as in "10s"',
      '[plugin-bad-value] attestation_timeout is "1d": it must be a duration from 1s to 10m00s, such as "10s"',
      "[plugin-bad-value] require_agent_mtls must be true or false, found a string; write true without quotes",
      '[plugin-bad-value] agent_path_template is "{{ .PluginName }}": it lacks {{ .UUID }}, so all nodes would share one SPIFFE ID',
      '[plugin-bad-value] selectors names "uid", which it does not know; did you mean uuid?',
    ]);
  });

  it.each([
    [
      "keylime_verifier_port = 8881.0",
      "keylime_verifier_port must be a port number (1 to 65535), found the number 8881.0",
    ],
    [
      "keylime_verifier_port = true",
      "keylime_verifier_port must be a port number (1 to 65535), found the boolean true",
    ],
    ["keylime_verifier_port = 0x22B1", 'keylime_verifier_port is "0x22B1": it is no port number from 1 to 65535'],
    ['keylime_verifier_port = "0"', 'keylime_verifier_port is "0": it is no port number from 1 to 65535'],
    [
      'keylime_verifier_host = "https://v"',
      'keylime_verifier_host is "https://v": it must be a host alone, without scheme and port',
    ],
    [
      'keylime_verifier_host = "v:8881"',
      'keylime_verifier_host is "v:8881": it must be a host alone, the port has a key of its own',
    ],
    ['keylime_verifier_host = "a b"', 'keylime_verifier_host is "a b": it is no host name and no address'],
    [
      "keylime_verifier_host { }",
      "keylime_verifier_host must be a host name or address in double quotes, found a block",
    ],
    ['keylime_verifier_urls = "https://v:1"', "keylime_verifier_urls must be a list of strings, found a string"],
    ['keylime_verifier_urls = ["http://v:1"]', 'keylime_verifier_urls names "http://v:1": it must start with https://'],
    [
      'keylime_verifier_urls = ["https://v"]',
      'keylime_verifier_urls names "https://v": its port is missing: write it as https://<host>:8881',
    ],
    [
      'keylime_verifier_urls = ["https://v:1/v2"]',
      'keylime_verifier_urls names "https://v:1/v2": it must be https://<host>:<port> and nothing more',
    ],
    [
      'keylime_verifier_urls = ["https://u@v:1"]',
      'keylime_verifier_urls names "https://u@v:1": it must be https://<host>:<port> and nothing more',
    ],
    ["keylime_verifier_urls = [1]", "keylime_verifier_urls must hold strings only, found the number 1 among them"],
    [
      'keylime_tls_ca_cert_file = ["/ca"]',
      "keylime_tls_ca_cert_file must be the path of a file in double quotes, found a list",
    ],
    ['keylime_tls_ca_cert_file = "/c\\na"', 'keylime_tls_ca_cert_file is "/c\\na": it has control characters in it'],
    [
      "keylime_api_version = 2.3",
      "keylime_api_version must be one of auto, 2.2, 2.3, 2.4, 2.5, 2.6 in double quotes, found the number 2.3",
    ],
    ['keylime_api_version = "2.1"', 'keylime_api_version is "2.1": it must be one of auto, 2.2, 2.3, 2.4, 2.5, 2.6'],
    ['request_timeout = "6m"', 'request_timeout is "6m": it must be a duration from 100ms to 5m00s, such as "10s"'],
    [
      'max_attestation_age = "never"',
      'max_attestation_age is "never": it must be a duration from 1s to 720h00m, such as "10s" or "auto"',
    ],
    ["require_measured_boot = 1", "require_measured_boot must be true or false, found the number 1"],
    ["allowed_hash_algs = []", "allowed_hash_algs allows nothing, so everything would be refused"],
    ['allowed_hash_algs = ["sha1"]', 'allowed_hash_algs names "sha1", which it does not know'],
    ['allowed_sign_algs = "rsassa"', "allowed_sign_algs must be a list of strings, found a string"],
    ['selectors = "uuid"', "selectors must be a list of strings, found a string"],
    [
      'agent_path_template = "{{ .UUID }}/../x"',
      'agent_path_template is "{{ .UUID }}/../x": a path segment may not be ".."',
    ],
    [
      'agent_path_template = "{{ .Uuid }}"',
      'agent_path_template is "{{ .Uuid }}": {{ .Uuid }} is none of its placeholders {{ .PluginName }} and {{ .UUID }}: did you mean {{ .UUID }}?',
    ],
  ])("refuses %s", (hcl, message) => {
    const { problems, settings } = parseServerData(hcl);
    expect([settings, problems.map(({ code, message: text }) => [code, text])]).toEqual([
      undefined,
      [["plugin-bad-value", message]],
    ]);
  });

  it.each([
    ['allowed_hash_algs = ["sha1"]', "it knows sha256, sha384, sha512"],
    ['allowed_hash_algs = ["SHA-384"]', "did you mean sha384?"],
    ['allowed_sign_algs = ["ECDSA"]', "did you mean ecdsa?"],
    ['keylime_api_version = "3.0"', undefined],
    ['keylime_api_version = "v2.4"', "did you mean 2.4?"],
    ['keylime_registrar_tls_client_key_file = "/k"', "did you mean keylime_registrar_tls_key_file?"],
  ])("suggests for %s what is meant, and no other number", (hcl, hint) => {
    expect(parseServerData(hcl).problems.map((each) => each.hint)).toEqual([hint]);
  });

  it("emits no selector at all when the list is empty, and all of them for the word", () => {
    expect(parseServerData("selectors = []").settings!.selectors).toEqual([]);
    expect(parseServerData('selectors = "all"').settings!.selectors).toHaveLength(11);
  });

  it("refuses host and port beside a list of verifiers", () => {
    expect(serverProblems('keylime_verifier_urls = ["https://v:1"]\nkeylime_verifier_port = 8881')).toEqual([
      "[plugin-bad-value] keylime_verifier_port and keylime_verifier_urls are both given; remove keylime_verifier_port; its verifier belongs in the list",
    ]);
  });

  it("refuses an alias that disagrees with its main key, and takes one that agrees", () => {
    const key = 'keylime_tls_key_file = "/k"\n';
    expect(serverProblems(`${key}keylime_tls_cert_file = "/a"\nkeylime_tls_client_cert_file = "/b"`)).toEqual([
      "[plugin-key-conflict] keylime_tls_cert_file and keylime_tls_client_cert_file mean the same and have different values; remove one of them, keylime_tls_cert_file is the main name",
    ]);
    expect(lines(parseServerData(`${key}keylime_tls_cert_file = "/a"\nkeylime_tls_client_cert_file = "/a"`))).toEqual({
      problems: [],
      warnings: [],
    });
  });

  it("lets the last of two equal keys win, and warns", () => {
    const parsed = parseServerData('keylime_verifier_host = "a"\nKeylime_Verifier_Host = "b"');
    expect(parsed.settings!.verifiers[0].host).toBe("b");
    expect(lines(parsed).warnings).toEqual([
      "[plugin-duplicate-key] Keylime_Verifier_Host is given twice: its earlier value is not used; remove one of the two",
    ]);
  });

  it("warns of a certificate whose key is left to the default", () => {
    expect(lines(parseServerData('keylime_tls_cert_file = "/a"')).warnings).toEqual([
      "[plugin-half-pair] keylime_tls_cert_file is given without keylime_tls_key_file, so the default /var/lib/keylime/cv_ca/server-private.pem goes with it; set keylime_tls_key_file as well",
    ]);
    const pair = 'keylime_tls_cert_file = "/a"\nkeylime_tls_key_file = "/k"\n';
    expect(lines(parseServerData(`${pair}keylime_registrar_tls_key_file = "/r"`)).warnings).toEqual([
      "[plugin-half-pair] keylime_registrar_tls_key_file is given without keylime_registrar_tls_cert_file, so the verifier's /a goes with it; set keylime_registrar_tls_cert_file as well",
    ]);
  });

  it("warns of a variable that was not expanded, and of a request that may outlast its attestation", () => {
    expect(lines(parseServerData('keylime_tls_ca_cert_file = "${DIR}/ca"\nrequest_timeout = "2m"')).warnings).toEqual([
      '[plugin-unexpanded-variable] keylime_tls_ca_cert_file still has a variable in it: "${DIR}/ca"; start SPIRE with -expandEnv, or write the value itself',
      "[plugin-bad-value] request_timeout is longer than attestation_timeout, which ends the request first; lower request_timeout",
    ]);
  });

  it("gives the registrar the verifier's files and password where it has none of its own", () => {
    const { settings } = parseServerData(
      'keylime_tls_cert_file = "/c"\nkeylime_tls_key_file = "/k"\nkeylime_tls_key_password_file = "/p"\nkeylime_registrar_tls_ca_cert_file = "/ca"',
    );
    expect(settings!.registrar.tls).toMatchObject({
      caFile: { path: "/ca" },
      certFile: { path: "/c", key: "keylime_tls_cert_file" },
      keyFile: { path: "/k" },
      keyPasswordFile: { path: "/p", key: "keylime_tls_key_password_file" },
    });
  });

  it("reports text that does not parse with its line", () => {
    expect(parseServerData("a = 'x'").problems.map(problemLine)).toEqual([
      `[spire-conf-syntax] illegal character "'" (U+0027) (plugin_data_file:1:5); put strings in double quotes: "`,
    ]);
  });

  it("places problems in the file the block stands in", () => {
    const { items } = parseHcl('plugin_data {\n  keylime_verifer_port = "x"\n}');
    const block = items[0]!.value;
    const { problems } = judgeServerItems(block.kind === "object" ? block.items : [], "server.conf");
    expect(problems.map(({ at }) => at)).toEqual([{ file: "server.conf", line: 2, column: 3 }]);
  });

  it("keeps what was written, unknown keys too", () => {
    const { raw } = parseServerData('Keylime_TLS_client_key_file = "/k"\nx = 1');
    expect(raw.map(({ key, written, value }) => [key, written.name, value.kind])).toEqual([
      ["keylime_tls_key_file", "Keylime_TLS_client_key_file", "string"],
      [undefined, "x", "number"],
    ]);
  });

  it("takes too many wrong keys, and endless ones, in its stride", () => {
    const start = performance.now();
    const many = Array.from({ length: 50_000 }, (_, i) => `keylime_wrong_${i} = 1`).join("\n");
    expect(parseServerData(many).problems).toHaveLength(100);
    expect(parseServerData(`${"x_".repeat(100_000)} = 1`).problems).toHaveLength(1);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

describe("the agent half's plugin_data", () => {
  it("fills every default in", () => {
    const { understood, ...told } = parseAgentData("");
    expect(understood).toBe(told.settings);
    expect(told).toEqual({
      settings: {
        host: "127.0.0.1",
        port: 9002,
        useTls: "auto",
        tls: {},
        origins: Object.fromEntries(Object.keys(agentKeys).map((key) => [key, { key, isDefault: true }])),
      },
      raw: [],
      problems: [],
      warnings: [],
    });
  });

  it.each([
    ["true", true],
    ['"true"', true],
    ["false", false],
    ['"auto"', "auto"],
  ])("takes keylime_agent_use_tls = %s", (text, useTls) => {
    expect(parseAgentData(`keylime_agent_use_tls = ${text}`).settings!.useTls).toBe(useTls);
  });

  it("reads every key", () => {
    const { settings, problems, warnings } = parseAgentData(`
keylime_agent_host = "localhost"
keylime_agent_port = "9003"
keylime_agent_use_tls = true
keylime_agent_ca_cert_file = "/ca"
keylime_agent_client_cert_file = "/c"
keylime_agent_client_key_file = "/k"
keylime_agent_server_name = "agent"`);
    expect({ problems, warnings }).toEqual({ problems: [], warnings: [] });
    expect(settings).toMatchObject({
      host: "localhost",
      port: 9003,
      useTls: true,
      serverName: "agent",
      tls: { caFile: { path: "/ca" }, certFile: { path: "/c" }, keyFile: { path: "/k", isDefault: false } },
    });
  });

  it("suggests the key a modified Go plugin's spelling means", () => {
    expect(parseAgentData('keylime_agent_ca_cert = "/ca"').problems.map(({ hint }) => hint)).toEqual([
      "did you mean keylime_agent_ca_cert_file?",
    ]);
  });

  it("refuses a certificate without its key, and warns of files that have no effect", () => {
    expect(lines(parseAgentData('keylime_agent_client_cert_file = "/c"')).problems).toEqual([
      "[plugin-bad-value] keylime_agent_client_cert_file is given without keylime_agent_client_key_file; set keylime_agent_client_key_file as well",
    ]);
    expect(lines(parseAgentData('keylime_agent_use_tls = false\nkeylime_agent_ca_cert_file = "/c"')).warnings).toEqual([
      "[plugin-bad-value] keylime_agent_use_tls is false, so keylime_agent_ca_cert_file has no effect; set keylime_agent_use_tls to auto or true",
    ]);
  });
});

describe("the schema", () => {
  it("has the Go plugin's keys with its defaults", () => {
    const defaults = (keys: object) => Object.entries(keys).map(([key, { default: value }]) => [key, value]);
    expect(defaults(serverKeys)).toEqual(expect.arrayContaining(Object.entries(goPluginKeys.server)));
    expect(defaults(agentKeys)).toEqual(expect.arrayContaining(Object.entries(goPluginKeys.agent)));
  });

  it("never throws, whatever is written for its keys", () => {
    const key = fc.constantFrom(
      ...Object.keys(serverKeys),
      ...Object.keys(agentKeys),
      "KEYLIME_TLS_CLIENT_KEY_FILE",
      "x",
    );
    const value = fc.oneof(
      fc.constantFrom("1", "-1", "2.5", "true", "{}", "[]", "[[]]", "[1]", '["x"]', "{ a = 1 }", '""', '"${A}"'),
      fc.string({ unit: "grapheme", maxLength: 20 }).map((text) => JSON.stringify(text)),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value), { maxLength: 8 }), (pairs) => {
        const hcl = pairs.map(([name, text]) => `${name} = ${text}\n`).join("");
        for (const { settings, problems, warnings } of [parseServerData(hcl), parseAgentData(hcl)]) {
          expect(settings === undefined).toBe(problems.length > 0);
          for (const problem of [...problems, ...warnings]) expect(problem).toBeInstanceOf(Problem);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
