import { execFileSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { type Tree, writeTree } from "../scenarios/support/machine-tree.js";
import { fieldReport, serverConf, verifierConf } from "../scenarios/support/set-ups.js";
import { builtExecutable } from "../support/built-executable.js";
import { runCommand } from "../support/run-command.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";

/** Passwords as operators keep them; none may be in the bundle. */
const planted = [
  "hunter2",
  "s3cr3t-dsn",
  "aws-key-material",
  "t0ken-value",
  "db-passphrase",
  "in-a-comment",
  "pasted-key",
];

let machine: Awaited<ReturnType<typeof writeTree>>;
let directory: TemporaryDirectory;
let keyPems: string[];
beforeAll(async () => {
  const tree = fieldReport(await fieldReportPki());
  keyPems = Object.values(tree)
    .map((file) => String(typeof file === "object" ? file?.text : file))
    .filter((text) => text.includes("PRIVATE KEY"));
  machine = await writeTree(tree, withSecrets(tree));
  directory = await temporaryDirectory();
});
afterAll(async () => {
  await machine?.[Symbol.asyncDispose]();
  await directory?.[Symbol.asyncDispose]();
});

const doctor = (...args: string[]) =>
  runCommand(process.execPath, [builtExecutable(), "doctor", "--root", machine.root, "--offline", ...args]);

describe("doctor's files", () => {
  it("are written beside the JSON document, and told on stderr", async () => {
    const [html, junit, sarif] = [directory.file("r.html"), directory.file("r.xml"), directory.file("r.sarif")];
    const { code, stdout, stderr } = await doctor("--json", "--html", html, "--junit", junit, "--sarif", sarif);
    expect({ code, stderr }).toEqual({ code: 1, stderr: `written: ${html}\nwritten: ${junit}\nwritten: ${sarif}\n` });
    expect(JSON.parse(stdout)).toMatchObject({ schema: "spire-keylime/doctor/v1" });
    expect(readFileSync(html, "utf8")).toMatch(/^<!doctype html>[\s\S]*plugin-unknown-key[\s\S]*<\/html>\n$/);
    expect(readFileSync(junit, "utf8")).toMatch(/^<\?xml[\s\S]*<failure type="error"[\s\S]*<\/testsuites>\n$/);
    expect(JSON.parse(readFileSync(sarif, "utf8"))).toMatchObject({ version: "2.1.0" });
  });

  it("that cannot be written are told with the file and what to do", async () => {
    const { code, stderr } = await doctor("--html", join(machine.root, "none/r.html"));
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: cannot write ".*none\/r\.html": .*ENOENT.*\nhint: name a file in a directory/);
  });
});

it("doctor's files are no standard output", async () => {
  const { code, stdout, stderr } = await doctor("--html", "-");
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain("argument '-' is invalid. it names a file; for standard output there is --json.");
});

describe("doctor's bundle", () => {
  it("holds report, facts, configuration and certificates, as listed, closed to others", async () => {
    const { names, stderr, mode } = await unpackedBundle("bundle.tgz");
    expect(names).toEqual(
      expect.arrayContaining([
        "report.json",
        "report.html",
        "facts.json",
        `configuration${serverConf}`,
        `configuration${verifierConf}`,
        "certificates/etc/keylime/certs/ca-complete-chain.crt",
        "certificates/var/lib/keylime/cv_ca/server-cert.crt",
      ]),
    );
    for (const name of names) expect(stderr).toContain(`  ${name}\n`);
    expect(mode & 0o077).toBe(0);
  });

  it("holds no byte of a key and no password, and still tells what the configuration says", async () => {
    const { text } = await unpackedBundle("searched.tgz");
    expect(keyPems.length).toBeGreaterThan(0);
    for (const pem of keyPems) expect(formsOf(pem).filter((form) => text.includes(form))).toEqual([]);
    expect(text).not.toContain("PRIVATE KEY-----");
    expect(planted.filter((secret) => text.includes(secret))).toEqual([]);
    expect(text).toContain('keylime_tls_client_cert_file = "/etc/keylime/certs/verifier.crt"');
    expect(text).toContain('#trusted_client_ca = ["ca.crt"]');
    expect(text).toContain("database_url = (hidden)");
  });
});

/** A private key in every form in which it could be written down. */
function formsOf(pem: string): string[] {
  const key = createPrivateKey(pem);
  // PKCS#8 of a P-256 key has its secret in the first two lines; the third is the public key, which certificates hold too.
  const lines = pem.split("\n").slice(1, 3);
  const { d } = key.export({ format: "jwk" }) as { d: string };
  const secret = Buffer.from(d, "base64url");
  return [...lines, d, secret.toString("hex"), secret.toString("base64"), secret.toString("latin1")];
}

async function unpackedBundle(name: string) {
  const file = directory.file(name);
  const { code, stderr } = await doctor("--bundle", file);
  expect(code).toBe(1);
  const unpacked = directory.file(`${name}.d`);
  mkdirSync(unpacked);
  execFileSync("tar", ["-xzf", file, "-C", unpacked]);
  const top = join(unpacked, "spire-keylime-bundle");
  const names = (readdirSync(top, { recursive: true }) as string[]).filter((each) =>
    statSync(join(top, each)).isFile(),
  );
  const text = names.map((each) => readFileSync(join(top, each), "latin1")).join("\n");
  return { names, text, stderr, mode: statSync(file).mode };
}

/** The set-up with secrets in every place where operators keep them. */
function withSecrets(tree: Tree): Tree {
  const key = "-----BEGIN PRIVATE KEY-----\n  pasted-key\n  -----END PRIVATE KEY-----";
  return {
    [serverConf]: `${tree[serverConf]}
# password = "in-a-comment"
plugins {
  DataStore "sql" {
    plugin_data {
      database_type = "postgres"
      connection_string = "dbname=spire user=spire password=s3cr3t-dsn"
    }
  }
  KeyManager "aws_kms" {
    plugin_data {
      region = "eu"
      secret_access_key = <<EOT
aws-key-material
EOT
    }
  }
}
`,
    [verifierConf]: `${tree[verifierConf]}
server_key_password = "hunter2"
database_url = postgresql://keylime:db-passphrase@db/keylime
webhook_url = https://user:t0ken-value@hooks/x
extra = ${key}
`,
  };
}
