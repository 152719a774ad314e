import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ComponentConfig } from "../../src/keylime/config/component-config.js";
import type { ConfigReader } from "../../src/keylime/config/config-reader.js";
import { loadComponentConfig } from "../../src/keylime/config/load-config.js";
import { settleOption } from "../../src/keylime/config/settle-option.js";
import { type TlsFile, type TlsIdentity, type TlsTrust, tlsSettings } from "../../src/keylime/config/tls-settings.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { describeWithPeers, peersDirectory } from "./support/peers.js";
import { type PythonOracle, startPythonOracle } from "./support/python-oracle.js";

const options: [section: string | null, name: string][] = [
  [null, "tls_dir"],
  [null, "Trusted_Client_CA"],
  [null, "server_cert"],
  [null, "port"],
  [null, "not_there"],
  ["revocations", "webhook_url"],
];

const paths = [
  "/etc/keylime/verifier.conf",
  "/usr/etc/keylime/verifier.conf",
  "/etc/keylime/verifier.conf.d/10-tls.conf",
  "/etc/keylime/verifier.conf.d/10-tls.conf~",
  "/etc/keylime/verifier.conf.d/Z",
  "/usr/etc/keylime/verifier.conf.d/99-site.conf",
  "/opt/verifier.conf",
];

const names = [
  "tls_dir",
  "trusted_client_ca",
  "server_cert",
  "server_key",
  "client_cert",
  "client_key",
  "trusted_server_ca",
];
const value = fc.constantFrom(
  "default",
  "generate",
  "all",
  "",
  "certs",
  "/etc/keylime/certs/",
  "../x.crt",
  '["ca.crt"]',
  "['ca.crt', \"/abs/root.crt\"]",
  '"quoted"',
  "ca.crt",
  "[]",
  "[ca.crt]",
  '["ca.crt"]  # c',
  '("a",)',
  "[1]",
  '\n  ["a",\n # c\n  "b"]',
);
const option = fc
  .tuple(fc.constantFrom(...names, "port", "webhook_url", "TLS_DIR"), value)
  .map(([name, text]) => `${name} = ${text}`);
const section = fc
  .tuple(
    fc.constantFrom("verifier", "verifier", "verifier", "revocations", "DEFAULT", "general"),
    fc.array(option, { maxLength: 6 }),
  )
  .map(([name, lines]) => [`[${name}]`, ...lines, ""].join("\n"));
const text = fc.array(section, { maxLength: 3 }).map((sections) => sections.join("\n"));
const tree = fc
  .array(fc.tuple(fc.constantFrom(...paths), text), { maxLength: 5 })
  .map((files) => Object.fromEntries(files) as Record<string, string>);
const environment = fc.record(
  {
    KEYLIME_DIR: fc.constantFrom("/srv/keylime"),
    KEYLIME_VERIFIER_CONFIG: fc.constantFrom("/opt/verifier.conf", "/opt/none.conf", ""),
    KEYLIME_VERIFIER_TLS_DIR: fc.constantFrom("default", "/env", ""),
    KEYLIME_VERIFIER_TRUSTED_CLIENT_CA: fc.constantFrom('["env.crt"]', "[]", "all"),
    KEYLIME_VERIFIER_REVOCATIONS_WEBHOOK_URL: fc.constantFrom("http://env"),
  },
  { requiredKeys: [] },
);

function readerBelow(root: string): ConfigReader {
  return {
    readFile: (path) =>
      readFile(join(root, path), "utf8").then(
        (found) => ({ is: "text", text: found }),
        () => ({ is: "absent" }),
      ),
    listFiles: (directory) => readdir(join(root, directory)).catch(() => []),
  };
}

function byUs(config: ComponentConfig): unknown {
  if (config.files.some(({ content }) => content.is === "broken")) return "does not start";
  const { dir, server, client, trustedClientCa, trustedServerCa } = tlsSettings(config);
  const side = ({ cert, key }: TlsIdentity, { list, files }: TlsTrust) =>
    dir.path === undefined || list.is === "invalid"
      ? "stops"
      : { cert: pathOf(cert), key: pathOf(key), trusted: files, verifies: list.is !== "all" };
  return {
    values: options.map(([of, name]) => settleOption(config, name, of ?? undefined)?.value ?? ""),
    server: side(server!, trustedClientCa!),
    client: side(client!, trustedServerCa!),
  };
}

const pathOf = ({ path }: TlsFile) => path ?? null;

describeWithPeers(["keylime_verifier"], "configuration as Keylime 7.14.3's own module reads it", () => {
  let keylime: PythonOracle;
  let directory: TemporaryDirectory;
  beforeAll(async () => {
    keylime = startPythonOracle(join(peersDirectory(), "keylime-7.14.3", "bin", "python"), "keylime-config-oracle.py");
    directory = await temporaryDirectory();
  });
  afterAll(async () => {
    keylime[Symbol.dispose]();
    await directory[Symbol.asyncDispose]();
  });

  it("in 600 generated trees: values, who wins, TLS files, and where it stops", async () => {
    let run = 0;
    const seen = new Set<string>();
    const property = fc.asyncProperty(tree, environment, async (files, env) => {
      const root = join(directory.path, String(run++));
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), content);
      }
      const ours = byUs(await loadComponentConfig("verifier", readerBelow(root), env as Record<string, string>));
      expect(ours).toEqual(await keylime.ask({ root, environment: env, component: "verifier", options }));
      seen.add(typeof ours === "string" ? ours : JSON.stringify((ours as { server: unknown }).server).slice(0, 7));
    });
    await fc.assert(property, { numRuns: 600 });
    expect([...seen].sort()).toEqual(['"stops"', "does not start", '{"cert"']);
  });
});
