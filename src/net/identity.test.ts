import { execFileSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { chmod, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TemporaryDirectory, temporaryDirectory } from "../../test/support/temporary-directory.js";
import { problemLine } from "../core/problem.js";
import { type FieldReportPki, fieldReportPki } from "../peers/pki/field-report-pki.js";
import { type IdentityAnswer, type IdentityFiles, loadIdentity, type NamedFile } from "./identity.js";
import { firstObstacle } from "./identity-file.js";

let pki: FieldReportPki;
let directory: TemporaryDirectory;
const nowMs = Date.now();

beforeAll(async () => {
  pki = await fieldReportPki();
  directory = await temporaryDirectory("id");
});
afterAll(() => directory[Symbol.asyncDispose]());

interface Contents {
  ca?: string | Uint8Array;
  cert?: string | Uint8Array;
  key?: string | Uint8Array;
  password?: string;
}

let sets = 0;
async function filesOf(contents: Contents, keyMode = 0o600): Promise<IdentityFiles> {
  const folder = `set-${sets++}`;
  const named = async (name: string, content: string | Uint8Array, mode = 0o600): Promise<NamedFile> => ({
    path: await directory.write(`${folder}/${name}`, content, mode),
    key: `keylime_tls_${name}_file`,
    isDefault: false,
    at: { file: "server.conf", line: 7, column: 3 },
  });
  const { ca = pki.caCompleteChainPem, cert = pki.plugin.chainPem, key = pki.plugin.keyPem, password } = contents;
  return {
    ca: await named("ca", ca),
    cert: await named("cert", cert),
    key: await named("key", key, keyMode),
    ...(password === undefined ? {} : { keyPassword: await named("key_password", password) }),
  };
}

const told = ({ problems }: IdentityAnswer) => problems.map((each) => problemLine(each).replaceAll(directory.path, ""));
const load = async (contents: Contents) => loadIdentity(await filesOf(contents), nowMs);
const here = " (server.conf:7:3)";

describe("loadIdentity", () => {
  it("finds nothing wrong with a good set, and tells what it holds", async () => {
    const { identity, problems, warnings } = await load({});
    expect({ problems, warnings }).toEqual({ problems: [], warnings: [] });
    expect(identity).toMatchObject({ generation: 1, fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(identity?.chain.map(({ subject }) => subject)).toEqual([
      "CN=spire-server.keylime.funlab.casa",
      "CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US",
    ]);
    expect(identity?.trusted.map(({ subject }) => subject)).toEqual([
      "CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US",
      "CN=Eye of Thundera",
    ]);
    expect(Object.isFrozen(identity)).toBe(true);
  });

  it("does without a client certificate when none is named", async () => {
    const { ca } = await filesOf({});
    const { identity, problems } = loadIdentity({ ca }, nowMs);
    expect([problems, identity?.chain]).toEqual([[], []]);
  });

  it.each<[string, () => Contents, string[]]>([
    [
      "a key of another certificate",
      () => ({ key: pki.tenant.keyPem }),
      [
        `[key-mismatch] cannot load client key "KEY" (keylime_tls_key_file): it does not belong to the certificate CN=spire-server.keylime.funlab.casa in "CERT" (keylime_tls_cert_file)${here}; configure the key the certificate was issued for`,
      ],
    ],
    [
      "a chain that starts with the CA",
      () => ({ cert: pki.intermediate.certPem + pki.plugin.certPem }),
      [
        `[cert-order] cannot load client certificate "CERT" (keylime_tls_cert_file): its first certificate is CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US, but the key belongs to certificate 2, CN=spire-server.keylime.funlab.casa${here}; put the leaf first, then each issuer in turn`,
      ],
    ],
    [
      "key and certificate swapped",
      () => ({ cert: pki.plugin.keyPem, key: pki.plugin.certPem }),
      [
        `[no-certificate] cannot load client certificate "CERT" (keylime_tls_cert_file): no certificate in the file, only PRIVATE KEY${here}; is keylime_tls_cert_file the right file?`,
        `[no-private-key] cannot load client key "KEY" (keylime_tls_key_file): no private key in the file, only CERTIFICATE${here}; is keylime_tls_key_file the right file?`,
      ],
    ],
    [
      "empty files",
      () => ({ ca: "", cert: "", key: "" }),
      [
        `[no-certificate] cannot load CA file "CA" (keylime_tls_ca_file): no certificate in the file: it is empty${here}; is keylime_tls_ca_file the right file?`,
        `[no-certificate] cannot load client certificate "CERT" (keylime_tls_cert_file): no certificate in the file: it is empty${here}; is keylime_tls_cert_file the right file?`,
        `[no-private-key] cannot load client key "KEY" (keylime_tls_key_file): no private key in the file: it is empty${here}; is keylime_tls_key_file the right file?`,
      ],
    ],
    [
      "DER where PEM belongs",
      () => ({ ca: pki.root.certDer }),
      [
        `[no-certificate] cannot load CA file "CA" (keylime_tls_ca_file): no certificate in the file: it looks like DER${here}; convert it to PEM with: openssl x509 -inform der`,
      ],
    ],
    [
      "a half-written certificate",
      () => ({ cert: pki.plugin.chainPem.slice(0, 300) }),
      [
        `[pem-damaged] cannot load client certificate "CERT" (keylime_tls_cert_file): line 1: BEGIN CERTIFICATE is never ended${here}; write the file anew`,
      ],
    ],
  ])("refuses %s", async (_name, contents, expected) => {
    const files = await filesOf(contents());
    const paths: [string, string][] = [
      ["CA", files.ca.path],
      ["CERT", files.cert!.path],
      ["KEY", files.key!.path],
    ];
    const answer = loadIdentity(files, nowMs);
    const lines = answer.problems.map((each) =>
      paths.reduce((text, [name, path]) => text.replaceAll(path, name), problemLine(each)),
    );
    expect(lines).toEqual(expected);
    expect(answer.identity).toBeUndefined();
  });

  it("opens an encrypted key with the password file, one line end cut off", async () => {
    const key = String(
      createPrivateKey(pki.plugin.keyPem).export({
        type: "pkcs8",
        format: "pem",
        cipher: "aes-256-cbc",
        passphrase: " pass ",
      }),
    );
    for (const password of [" pass ", " pass \n", " pass \r\n"])
      expect(told(await load({ key, password }))).toEqual([]);
    const wrong = await load({ key, password: "pass\n" });
    expect(wrong.problems.map(({ code, message }) => [code, /does not open it$/.test(message)])).toEqual([
      ["key-encrypted", true],
    ]);
    const files = await filesOf({ key });
    const none = loadIdentity({ ...files, keyPasswordKey: "keylime_tls_key_password_file" }, nowMs);
    const without = loadIdentity(files, nowMs);
    expect([none, without].flatMap(({ problems }) => problems.map(({ code, hint }) => [code, hint]))).toEqual([
      ["key-encrypted", "set keylime_tls_key_password_file, or store the key unencrypted with mode 0600"],
      ["key-encrypted", "store the key unencrypted with mode 0600"],
    ]);
    expect(JSON.stringify([told(wrong), told(none)])).not.toContain(key.split("\n")[1]);
  });

  it("tells every file's fault at once, and default files as such", async () => {
    const { ca } = await filesOf({ ca: "x" });
    const at = (path: string, key: string) => ({ path: directory.file(path), key, isDefault: true });
    const answer = loadIdentity(
      {
        ca,
        cert: at("no/cert", "cert_file"),
        key: at("key", "key_file"),
        keyPassword: { ...at("pw", "pw_file"), isDefault: false },
      },
      nowMs,
    );
    expect(told(answer).map((line) => line.replace(/set-\d+\//, ""))).toEqual([
      '[plugin-missing-file] cannot load client certificate "/no/cert" (default of cert_file): "/no" does not exist; cert_file is not set, so its default is used (plugin-default-cert): set it',
      '[plugin-missing-file] cannot load client key "/key" (default of key_file): no such file; key_file is not set, so its default is used (plugin-default-cert): set it',
      '[plugin-missing-file] cannot load password of the client key "/pw" (pw_file): no such file; create it, or correct pw_file',
      `[no-certificate] cannot load CA file "/ca" (keylime_tls_ca_file): no certificate in the file${here}; is keylime_tls_ca_file the right file?`,
    ]);
  });

  it("refuses what is no regular file, or too large, without waiting for it", async () => {
    const fifo = directory.file("fifo");
    execFileSync("/usr/bin/mkfifo", [fifo]);
    await mkdir(directory.file("folder"));
    await directory.write("large", Buffer.alloc(1024 * 1024 + 1, "x"));
    const why = ["fifo", "folder", "large", "a\0b", "", "/dev/zero"].map((path) => {
      const file = {
        path: path === "" || path.startsWith("/") ? path : directory.file(path),
        key: "ca",
        isDefault: false,
      };
      const [problem] = loadIdentity({ ca: file }, nowMs).problems;
      return [problem?.code, problem?.message.replace(/^.*\(ca\): /, "")];
    });
    expect(why).toEqual([
      ["plugin-unreadable-file", "it is not a regular file"],
      ["plugin-unreadable-file", "it is a directory"],
      ["plugin-unreadable-file", "it is larger than 1 MiB"],
      ["plugin-unreadable-file", "the path is no file name"],
      ["plugin-missing-file", "the path is empty"],
      ["plugin-unreadable-file", "it is not a regular file"],
    ]);
  });

  it("refuses a certificate without its key", async () => {
    const { ca, cert, key } = await filesOf({});
    expect(loadIdentity({ ca, cert: cert! }, nowMs).problems.map(({ code }) => code)).toEqual(["incomplete-identity"]);
    expect(loadIdentity({ ca, key: key! }, nowMs).problems.map(({ code }) => code)).toEqual(["incomplete-identity"]);
  });

  it("survives any file cut at any byte", async () => {
    const ca = Buffer.from(pki.root.certPem);
    const path = directory.file("cut");
    for (let length = 0; length < ca.length - 1; length += 7) {
      await directory.write("cut", ca.subarray(0, length));
      expect(loadIdentity({ ca: { path, key: "ca", isDefault: false } }, nowMs).problems).toHaveLength(1);
    }
  });
});

describe("loadIdentity warns", () => {
  const hour = 3_600_000;
  const dated = async (fromHours: number, toHours: number) => {
    const leaf = await pki.issue({
      commonName: "x",
      eku: ["clientAuth"],
      notBefore: new Date(nowMs + fromHours * hour),
      notAfter: new Date(nowMs + toHours * hour),
    });
    return { cert: leaf.chainPem, key: leaf.keyPem };
  };
  const warned = async (contents: Contents, mode?: number) => {
    const { identity, problems, warnings } = loadIdentity(await filesOf(contents, mode), nowMs);
    expect([problems, identity === undefined]).toEqual([[], false]);
    return warnings.map(({ level, problem }) => `${level} ${problem.code}`);
  };

  it.each<[string, () => Promise<Contents>, string[]]>([
    ["of an expired certificate", () => dated(-24, -1), ["error cert-expired"]],
    ["of one that is not valid yet", () => dated(1, 24), ["error cert-not-yet-valid"]],
    ["of one whose last third has begun", () => dated(-17, 7), ["warn cert-expires-soon"]],
    ["of nothing before the last third", () => dated(-15, 9), []],
    [
      "of a chain whose links do not fit",
      async () => ({ cert: pki.plugin.certPem + pki.root.certPem }),
      ["error cert-order"],
    ],
    [
      "of a certificate for servers only",
      async () => {
        const leaf = await pki.issue({ commonName: "s", eku: ["serverAuth"] });
        return { cert: leaf.chainPem, key: leaf.keyPem };
      },
      ["error cert-no-client-auth"],
    ],
    ["of a CA file without a root", async () => ({ ca: pki.intermediate.certPem }), ["error ca-bundle-incomplete"]],
  ])("%s", async (_name, contents, expected) => expect(await warned(await contents())).toEqual(expected));

  it.each([
    [0o600, []],
    [0o640, []],
    [0o400, []],
    [0o644, ["warn key-too-open"]],
    [0o660, ["warn key-too-open"]],
    [0o604, ["warn key-too-open"]],
  ])("of a key's mode %o: %j", async (mode, expected) => {
    const files = await filesOf({});
    await chmod(files.key!.path, mode);
    expect(loadIdentity(files, nowMs).warnings.map(({ level, problem }) => `${level} ${problem.code}`)).toEqual(
      expected,
    );
  });
});

describe("firstObstacle", () => {
  it("finds the first component that is missing, through links", async () => {
    await mkdir(directory.file("real"));
    await directory.write("real/plain", "x");
    await symlink("real", directory.file("link"));
    await symlink("nowhere/file", directory.file("dangling"));
    await symlink("loop", directory.file("loop"));
    const found = (path: string) => {
      const obstacle = firstObstacle(directory.file(path));
      return obstacle && [obstacle.reason, obstacle.path.replace(directory.path, "")];
    };
    expect(["link/plain", "link/no/file", "dangling", "link/plain/x", "loop"].map(found)).toEqual([
      undefined,
      ["missing", "/real/no"],
      ["missing", "/nowhere"],
      ["not-a-directory", "/real/plain"],
      ["missing", "/loop"],
    ]);
  });

  it.skipIf(process.geteuid?.() !== 0)("names the directory that denies, to a user who may not enter it", async () => {
    const closed = await temporaryDirectory("closed");
    const path = await closed.write("a/b/key", "x", 0o644);
    await chmod(closed.path, 0o755);
    await chmod(join(closed.path, "a"), 0o755);
    await chmod(join(closed.path, "a/b"), 0o700);
    const file = { path, key: "keylime_tls_key_file", isDefault: false };
    process.seteuid!(65534);
    try {
      const [problem] = loadIdentity({ ca: file }, nowMs).problems;
      expect([problem?.code, problem?.message, problem?.hint]).toEqual([
        "plugin-unreadable-file",
        `cannot load CA file "${path}" (keylime_tls_key_file): permission denied by "${closed.path}/a/b" (mode 0700, owner 0:0): user 65534 has no search permission on the directory`,
        `give the user that runs the plugin search permission (x) on ${closed.path}/a/b`,
      ]);
    } finally {
      process.seteuid!(0);
      await closed[Symbol.asyncDispose]();
    }
  });
});
