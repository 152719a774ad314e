import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quoteHcl } from "../../formats/hcl/quote.js";
import { redactHcl } from "./redact-hcl.js";
import { redactLines } from "./redact-lines.js";

describe("SPIRE's configuration for a bundle", () => {
  it("keeps what concerns the plugin, with its lines and comments, and of other plugins the keys", () => {
    const text = `server {
  trust_domain = "funlab.casa" # ours
  # join_token = "abc"
}
plugins {
  NodeAttestor "keylime" {
    plugin_cmd = "/opt/p"
    plugin_data {
      keylime_verifier_host = "127.0.0.1" // was "127.0.0.2"
      keylime_tls_key_file = "/etc/k.key"
      pin = "1234"
    }
  }
  UpstreamAuthority "vault" {
    plugin_data {
      vault_addr = "https://v"
      token_auth { token = "hvs.x" }
      list = ["a", 7]
    }
  }
}
`;
    expect(redactHcl(text)).toBe(
      text
        .replace('join_token = "abc"', "join_token = (hidden)")
        .replace('"1234"', '"(hidden)"')
        .replace('"https://v"', '"(hidden)"')
        .replace('"hvs.x"', '"(hidden)"')
        .replace('["a", 7]', '["(hidden)", "(hidden)"]'),
    );
  });

  it("that does not parse keeps its blocks and plain keys, so that the flaw can still be seen", () => {
    const text = `server {
  trust_domain = “funlab.casa”
}
plugins {
  DataStore "sql" {
    plugin_data {
      connection_string = "secret"
      text = <<EOT
secret
EOT
`;
    expect(redactHcl(text)).toBe(
      text
        .replace('connection_string = "secret"', "connection_string = (hidden)")
        .replace("text = <<EOT\nsecret\nEOT", "text = (hidden)\n(hidden)\n(hidden)"),
    );
  });
});

describe("a line that looks like a key and is half of a secret", () => {
  it.each(["key = <<EOT\nzz0_a0a__=\nzz=1\nEOT", "zz0_a0a__=", "zz0_a0a__=="])("is hidden: %j", (written) => {
    const text = `plugins {\n  KeyManager "x" {\n    plugin_data {\n${written}\n    }\n  }\n}\n}`;
    expect(redactHcl(text)).not.toContain("zz");
  });
});

describe("a secret in another plugin's data", () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9+/=_-]{8,40}$/).map((text) => `zz${text}`);
  const places = [
    (value: string) => `key = ${quoteHcl(value)}`,
    (value: string) => `key = ["a", ${quoteHcl(value)}]`,
    (value: string) => `key = <<EOT\n${value}\nEOT`,
    (value: string) => `inner { keylime { deeper = ${quoteHcl(value)} } }`,
    (value: string) => `key = "x" # was ${value} once`,
    (value: string) => `url = "postgres://me:${value}@db/x"`,
    (value: string) => `// key = "${value}"`,
    (value: string) => `/*\n * key = "${value}"\n */`,
  ];

  it("is hidden wherever it stands, in a file that parses and in one that does not", () => {
    fc.assert(
      fc.property(secret, fc.constantFrom(...places), fc.constantFrom("", "“", "}", '"'), (value, place, flaw) => {
        const text = `plugins {\n  KeyManager "x" {\n    plugin_data {\n      ${place(value)}\n    }\n  }\n}\n${flaw}`;
        expect(redactHcl(text)).not.toContain(value);
      }),
      { numRuns: 10_000 },
    );
  });
});

describe("Keylime's configuration for a bundle", () => {
  it("hides passwords, what goes on with them, and who logs in at an URL", () => {
    const text = `[verifier]
trusted_client_ca = ["ca.crt",
  "b.crt"]
server_key = verifier.key
server_key_password = two
  lines
#client_key_password = "x"
; the password is y
database_url = sqlite
hooks = ["https://a:b@h/1", "https://h/2"]
[agent]
tpm_ownerpassword = ""
payload_key = """
-----BEGIN RSA PRIVATE KEY-----
abc
-----END RSA PRIVATE KEY-----"""
`;
    expect(redactLines(text)).toBe(`[verifier]
trusted_client_ca = ["ca.crt",
  "b.crt"]
server_key = verifier.key
server_key_password = (hidden)
(hidden)
#client_key_password = (hidden)
# (hidden)
database_url = (hidden)
hooks = ["https://(hidden)@h/1", "https://h/2"]
[agent]
tpm_ownerpassword = (hidden)
payload_key = """
(hidden)"""
`);
  });
});
