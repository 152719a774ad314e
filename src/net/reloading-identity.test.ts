import { createPrivateKey } from "node:crypto";
import { rename, rm, symlink, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TemporaryDirectory, temporaryDirectory } from "../../test/support/temporary-directory.js";
import { until } from "../../test/support/until.js";
import { systemClock } from "../core/clock.js";
import type { LogFields, Logger } from "../core/logger.js";
import type { IssuedCertificate } from "../peers/pki/authority.js";
import { type FieldReportPki, fieldReportPki } from "../peers/pki/field-report-pki.js";
import { type IdentityFiles, loadIdentity } from "./identity.js";
import { ReloadingIdentity, type ReloadingOptions } from "./reloading-identity.js";

let pki: FieldReportPki;
let others: IssuedCertificate[];

beforeAll(async () => {
  pki = await fieldReportPki();
  others = await Promise.all(
    Array.from({ length: 10 }, (_, i) => pki.issue({ commonName: `leaf-${i}`, eku: ["clientAuth"] })),
  );
});

class Log implements Logger {
  readonly lines: string[] = [];
  log(level: string, message: string, fields: LogFields = {}): void {
    this.lines.push([level, message, fields.fault ?? fields.subject ?? fields.subjects ?? ""].join(" | "));
  }
  count(text: string): number {
    return this.lines.filter((line) => line.includes(text)).length;
  }
}

async function writeSet(folder: string, { chainPem, keyPem }: { chainPem: string; keyPem: string }): Promise<void> {
  await Promise.all([
    writeFile(`${folder}/tls.crt`, chainPem),
    writeFile(`${folder}/tls.key`, keyPem, { mode: 0o600 }),
  ]);
}

function filesIn(folder: string, password = false): IdentityFiles {
  const named = (name: string) => ({ path: `${folder}/${name}`, key: name, isDefault: false });
  return {
    ca: named("ca.crt"),
    cert: named("tls.crt"),
    key: named("tls.key"),
    ...(password ? { keyPassword: named("password") } : {}),
  };
}

function follow(files: IdentityFiles, more: Partial<ReloadingOptions> = {}) {
  const { identity, problems } = loadIdentity(files, Date.now());
  expect(problems).toEqual([]);
  const log = new Log();
  const source = new ReloadingIdentity(files, identity!, {
    clock: systemClock,
    logger: log,
    pollMs: 20,
    settleMs: 60,
    ...more,
  });
  const subject = () => source.current().chain[0]!.subject;
  return { source, log, subject };
}

describe("ReloadingIdentity", () => {
  let directory: TemporaryDirectory;
  let folder: string;
  let folders = 0;
  beforeAll(async () => {
    directory = await temporaryDirectory("reload");
  });
  afterAll(() => directory[Symbol.asyncDispose]());

  async function freshFolder(): Promise<void> {
    const name = `f${folders++}`;
    await directory.write(`${name}/ca.crt`, pki.caCompleteChainPem);
    folder = directory.file(name);
    await writeSet(folder, pki.plugin);
  }

  it("takes a new pair, once, under the next generation, and says which", async () => {
    await freshFolder();
    const { source, log, subject } = follow(filesIn(folder));
    const before = source.current();
    await writeSet(folder, others[0]!);
    await until(() => subject() === "CN=leaf-0", { what: "the new pair", intervalMs: 5 });
    expect([before.generation, source.current().generation]).toEqual([1, 2]);
    expect(before.chain[0]!.subject).toBe("CN=spire-server.keylime.funlab.casa");
    await sleep(150);
    expect(log.lines).toEqual(["info | Took new client certificate | CN=leaf-0"]);
    source.close();
  });

  it("takes a new CA file alone", async () => {
    await freshFolder();
    const { source, log } = follow(filesIn(folder));
    await writeFile(`${folder}/ca.crt`, pki.root.certPem);
    await until(() => source.current().trusted.length === 1, { what: "the new CA file" });
    expect(log.lines).toEqual(["info | Took new CA file | CN=Eye of Thundera"]);
    expect(source.current().chain[0]!.subject).toBe("CN=spire-server.keylime.funlab.casa");
    source.close();
  });

  it("keeps the old while the new pair is half-written, and logs nothing about a moment", async () => {
    await freshFolder();
    const { source, log, subject } = follow(filesIn(folder), { settleMs: 2000 });
    await writeFile(`${folder}/tls.crt`, others[0]!.chainPem);
    await sleep(200);
    expect([subject(), log.lines]).toEqual(["CN=spire-server.keylime.funlab.casa", []]);
    await writeFile(`${folder}/tls.key`, others[0]!.keyPem);
    await until(() => subject() === "CN=leaf-0", { what: "the whole pair" });
    expect(log.count("error")).toBe(0);
    source.close();
  });

  it.each<[string, string, (folder: string) => Promise<void>]>([
    ["a key of another certificate", "key-mismatch", (at) => writeFile(`${at}/tls.key`, pki.tenant.keyPem)],
    ["a truncated certificate", "pem-damaged", (at) => writeFile(`${at}/tls.crt`, pki.plugin.chainPem.slice(0, 99))],
    ["a missing key", "plugin-missing-file", (at) => rm(`${at}/tls.key`)],
  ])("keeps the old and logs once for %s, until it is mended", async (_name, fault, damage) => {
    await freshFolder();
    const { source, log, subject } = follow(filesIn(folder));
    await damage(folder);
    await until(() => log.count("error") > 0, { what: "the error" });
    await sleep(200);
    expect(log.lines).toEqual([`error | New certificate files are not usable, keeping the old | ${fault}`]);
    expect(subject()).toBe("CN=spire-server.keylime.funlab.casa");
    await writeSet(folder, others[1]!);
    await until(() => subject() === "CN=leaf-1", { what: "the mended set" });
    source.close();
  });

  it("follows the double link that Kubernetes swaps", async () => {
    await freshFolder();
    const put = async (name: string, set: { chainPem: string; keyPem: string }) => {
      await directory.write(`k8s/${name}/ca.crt`, pki.caCompleteChainPem);
      await writeSet(directory.file(`k8s/${name}`), set);
    };
    const mount = directory.file("k8s");
    await put("..1", pki.plugin);
    await symlink("..1", `${mount}/..data`);
    for (const name of ["ca.crt", "tls.crt", "tls.key"]) await symlink(`..data/${name}`, `${mount}/${name}`);
    const { source, subject } = follow(filesIn(mount), { pollMs: 3_600_000 });
    for (const [index, set] of others.slice(0, 3).entries()) {
      await put(`..${index + 2}`, set);
      await symlink(`..${index + 2}`, `${mount}/..data_tmp`);
      await rename(`${mount}/..data_tmp`, `${mount}/..data`);
      await until(() => subject() === `CN=leaf-${index}`, { what: `swap ${index}, by event alone` });
    }
    source.close();
  });

  it("sees a change before use without waiting for poll or event", async () => {
    await freshFolder();
    let nowMs = Date.now();
    const { source } = follow(filesIn(folder), { pollMs: 3_600_000, clock: { nowMs: () => nowMs } });
    source.checkNow();
    await writeSet(folder, others[2]!);
    nowMs += 1000;
    expect(source.checkNow().chain[0]!.subject).toBe("CN=leaf-2");
    source.close();
  });

  it("follows keys with passwords, password and key changing together", async () => {
    await freshFolder();
    const encrypted = (keyPem: string, passphrase: string) =>
      String(createPrivateKey(keyPem).export({ type: "pkcs8", format: "pem", cipher: "aes-128-cbc", passphrase }));
    await writeFile(`${folder}/password`, "first\n");
    await writeFile(`${folder}/tls.key`, encrypted(pki.plugin.keyPem, "first"));
    const { source, log, subject } = follow(filesIn(folder, true));
    await writeFile(`${folder}/password`, "second\n");
    await writeSet(folder, { chainPem: others[0]!.chainPem, keyPem: encrypted(others[0]!.keyPem, "second") });
    await until(() => subject() === "CN=leaf-0", { what: "the new key" });
    expect(log.lines.join()).not.toContain("second");
    source.close();
  });

  it("logs once when the certificate in use expires", async () => {
    await freshFolder();
    let nowMs = Date.now();
    const { source, log } = follow(filesIn(folder), { clock: { nowMs: () => nowMs } });
    nowMs += 400 * 24 * 3_600_000;
    await until(() => log.count("cert-expired") > 0, { what: "the warning" });
    await sleep(100);
    expect(log.count("cert-expired")).toBe(1);
    source.close();
  });

  it("stops looking once it is closed", async () => {
    await freshFolder();
    const { source, log, subject } = follow(filesIn(folder));
    source.close();
    await writeSet(folder, others[3]!);
    await sleep(150);
    expect([subject(), log.lines]).toEqual(["CN=spire-server.keylime.funlab.casa", []]);
  });

  it("never shows a mixed pair in a hundred swaps, rename by rename, while readers read", async () => {
    await freshFolder();
    const { source, log } = follow(filesIn(folder), { settleMs: 5000 });
    const known = new Map(others.map((each) => [`CN=${/CN=([^,]+)/.exec(each.subject)![1]}`, each]));
    const seen = new Set<number>();
    let reading = true;
    const reader = (async () => {
      while (reading) {
        const { chain, generation, secureContext } = source.checkNow();
        expect(secureContext).toBeDefined();
        expect(chain).toHaveLength(2);
        seen.add(generation);
        await sleep(1);
      }
    })();
    for (let swap = 0; swap < 100; swap++) {
      const next = others[swap % others.length]!;
      for (const [name, content] of [
        ["tls.crt", next.chainPem],
        ["tls.key", next.keyPem],
      ] as const) {
        await writeFile(`${folder}/.${name}`, content, { mode: 0o600 });
        await rename(`${folder}/.${name}`, `${folder}/${name}`);
        await sleep(swap % 7);
      }
    }
    const last = others[99 % others.length]!;
    await until(() => known.get(source.current().chain[0]!.subject) === last, { what: "the last pair" });
    reading = false;
    await reader;
    // The pair is checked at every load (key-mismatch), so a taken generation is a whole one; none was refused for long.
    expect(log.count("error")).toBe(0);
    expect(seen.size).toBeGreaterThan(3);
    source.close();
  });
});
