import { describe, expect, it } from "vitest";
import { agentTls, loadAgentConfig, settleAgentOption } from "./agent-config.js";
import { parseAgentList } from "./agent-list.js";
import { sourceText } from "./component-config.js";
import type { ConfigReader } from "./config-reader.js";
import { loadComponentConfig } from "./load-config.js";
import { settleOption } from "./settle-option.js";
import { tlsSettings } from "./tls-settings.js";
import { readTrustList } from "./trust-list.js";

/** A machine that has these files alone. */
function machine(files: Record<string, string>): ConfigReader {
  return {
    readFile: async (path) => (files[path] === undefined ? { is: "absent" } : { is: "text", text: files[path]! }),
    listFiles: async (directory) =>
      Object.keys(files)
        .filter((path) => path.startsWith(`${directory}/`))
        .map((path) => path.slice(directory.length + 1)),
  };
}

const verifierConf = "/etc/keylime/verifier.conf";
const snippet = "/etc/keylime/verifier.conf.d/10-site.conf";

describe("loadComponentConfig", () => {
  it("tells who has the last word, with line, and whom that overrules", async () => {
    const config = await loadComponentConfig(
      "verifier",
      machine({
        [verifierConf]: '[verifier]\ntls_dir = certs\ntrusted_client_ca = ["ca.crt"]\n#server_cert = x.crt\n',
        [snippet]: "[verifier]\n\nTrusted_Client_CA = []\n",
        "/usr/etc/keylime/verifier.conf": "[verifier]\n",
      }),
      { KEYLIME_VERIFIER_TLS_DIR: "/env" },
    );
    const option = settleOption(config, "trusted_client_ca")!;
    expect([option.value, sourceText(option.source), option.overrides.map(({ source }) => sourceText(source))]).toEqual(
      ["[]", `${snippet}:3`, [`${verifierConf}:3`]],
    );
    expect(sourceText(settleOption(config, "tls_dir")!.source)).toBe("environment variable KEYLIME_VERIFIER_TLS_DIR");
    expect(config.ignored).toEqual([
      { path: "/usr/etc/keylime/verifier.conf", reason: "/etc/keylime/verifier.conf is read in its place" },
    ]);
    expect(config.files[0]!.content).toMatchObject({
      commented: [{ section: "verifier", name: "server_cert", value: "x.crt", line: 4 }],
    });
    expect(tlsSettings(config).trustedClientCa).toEqual({ option, list: { is: "empty" }, files: [] });
  });

  it("tells snippets that nothing makes Keylime read, and a file that stops it", async () => {
    const alone = await loadComponentConfig(
      "registrar",
      machine({ "/etc/keylime/registrar.conf.d/a": "[registrar]\n" }),
    );
    expect(alone.ignored).toEqual([
      {
        path: "/etc/keylime/registrar.conf.d/a",
        reason: "there is no /etc/keylime/registrar.conf or /usr/etc/keylime/registrar.conf that can be read",
      },
    ]);
    const broken = await loadComponentConfig(
      "tenant",
      machine({ "/etc/keylime/tenant.conf": "[tenant]\na = 1\na = 2\n" }),
    );
    expect(broken.files[0]!.content).toEqual({
      is: "broken",
      message: "option a of section [tenant] is given twice, first on line 2",
      line: 3,
      column: 1,
      hint: "remove one of the two",
    });
  });
});

describe("readTrustList", () => {
  it.each([
    ['["ca.crt"]  # c', { is: "files", names: ["ca.crt"] }],
    ["[]", { is: "empty" }],
    ["", { is: "empty" }],
    ["all", { is: "all" }],
    ["ca.crt", "ca has no quotes"],
    ["/etc/ca.crt", "there is / where a value in quotes should be"],
    ["[ca.crt]", "ca has no quotes"],
    ["[“ca.crt”]", "there is “, no straight quote, where a value in quotes should be"],
    ['["ca.crt"', "it ends where , or ] should be"],
    ['["ca.crt]', "its quote is not closed"],
  ])("%s", (value, expected) => {
    const list =
      typeof expected === "string"
        ? { is: "invalid", reason: `Keylime takes a Python list of quoted names, and ${expected}` }
        : expected;
    expect(readTrustList(value)).toEqual(list);
  });

  it("takes no tuple and no list of numbers", () => {
    expect(readTrustList('("ca.crt",)')).toEqual({ is: "invalid", reason: "it is a tuple, and Keylime takes a list" });
    expect(readTrustList("[1]")).toEqual({ is: "invalid", reason: "an item of the list is no text in quotes" });
  });
});

describe("loadAgentConfig", () => {
  it("lays every file on top of the ones before, the environment on top of all", async () => {
    const config = await loadAgentConfig(
      machine({
        "/usr/etc/keylime/agent.conf": '[agent]\nuuid = "a"\nport = 1\ncontact_ip = "10.0.0.1"\n',
        "/etc/keylime/agent.conf": '[agent]\nport = 2\ntrusted_client_ca = "default, /etc/ca.crt"\n',
        "/etc/keylime/agent.conf.d/x.conf": '[agent]\nserver_cert = "agent.crt"\n',
      }),
      { KEYLIME_AGENT_UUID: "b", KEYLIME_DIR: "/srv" },
    );
    const port = settleAgentOption(config, "port");
    expect([port.value, sourceText(port.source!), port.overrides.map(({ value }) => value)]).toEqual([
      "2",
      "/etc/keylime/agent.conf:2",
      ["1"],
    ]);
    expect(settleAgentOption(config, "uuid").value).toBe("b");
    expect(settleAgentOption(config, "contact_ip").value).toBe("10.0.0.1");
    expect(settleAgentOption(config, "contact_port")).toMatchObject({ value: "9002", source: undefined });
    expect(agentTls(config)).toEqual({
      serverCert: "/srv/agent.crt",
      serverKey: "/srv/server-private.pem",
      trustedClientCa: ["/srv/cv_ca/cacert.crt", "/etc/ca.crt"],
      verifierTlsCaCert: "/srv/cv_ca/cacert.crt",
    });
  });

  it("reads the file that KEYLIME_AGENT_CONFIG names alone, and says when it does not parse", async () => {
    const config = await loadAgentConfig(
      machine({ "/etc/keylime/agent.conf": "[agent]\n", "/opt/a.conf": "[agent]\nport = x\n" }),
      { KEYLIME_AGENT_CONFIG: "/opt/a.conf" },
    );
    expect(config.files.map(({ path, content }) => [path, content.is])).toEqual([["/opt/a.conf", "broken"]]);
  });

  /** The agent's own tests (rust-keylime 0.2.9 list_parser.rs). */
  it.each([
    ['["aa", "bb"]', ['"aa"', '"bb"']],
    ["default", ["default"]],
    ["[default]", ["default"]],
    ["aa,bb,cc", ["aa", "bb", "cc"]],
    ["aa 'bb' \"cc\"", ["aa", "'bb'", '"cc"']],
    ["aa\nbb\rcc", ["aa", "bb", "cc"]],
    ["]", ["]"]],
    ["[']", ["'"]],
    ["','", ["','"]],
    ["''", []],
    [" \n", []],
    ["[a,", ["[a"]],
    ["'[  ]", ["'[", "]"]],
    [",,", undefined],
  ])("reads the list %j", (text, names) => {
    expect(parseAgentList(text)).toEqual(names);
  });
});
