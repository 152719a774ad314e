import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TracedConnection } from "../../src/trace/report-schema.js";
import { startChild } from "../support/child.js";
import { freePort } from "../support/free-port.js";
import { runChecked, runCommand } from "../support/run-command.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import { capture } from "./support/captured.js";
import { writePairs } from "./support/pair-files.js";
import { expectAgreement, traced } from "./support/trace-agreement.js";

// Each cipher suite of TLS 1.3 that is opened, and secrets that travel inside of the capture; tshark is the oracle.

const suites = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
const presented = ["plugin", "foreign", "none"] as const;

let files: TemporaryDirectory;

beforeAll(async () => {
  files = await temporaryDirectory("secrets");
  await writePairs(files);
});
afterAll(() => files[Symbol.asyncDispose]());

/** OpenSSL on both sides, restricted to one suite: one connection for each certificate. */
async function captureSuite(suite: string, ...more: string[]): Promise<{ file: string; keyLog: string }> {
  const name = [suite, ...more].join("");
  const [port, file, keyLog] = [await freePort(), files.file(`${name}.pcapng`), files.file(`${name}.keys`)];
  const pair = (name: string) => ["-cert", files.file(`${name}.crt`), "-key", files.file(`${name}.key`)];
  const common = ["-tls1_3", "-ciphersuites", suite, "-CAfile", files.file("ca.crt"), "-verify_return_error"];
  const serving = [
    "s_server",
    "-accept",
    `127.0.0.1:${port}`,
    ...common,
    ...pair("server"),
    "-Verify",
    "3",
    "-www",
    ...more,
  ];
  await using server = await startChild({ command: "openssl", args: serving });
  await until(() => server.output().includes("ACCEPT"), { what: "openssl s_server", evidence: () => server.output() });
  await capture(file, port, async () => {
    for (const name of presented) {
      const own = name === "none" ? [] : [...pair(name), "-cert_chain", files.file(`${name}.crt`)];
      const asking = ["s_client", "-connect", `127.0.0.1:${port}`, ...common, "-keylogfile", keyLog, ...own];
      await runCommand("openssl", [...asking, "-ign_eof"], { input: "GET / HTTP/1.0\r\n\r\n", timeoutMs: 10_000 });
    }
  });
  return { file, keyLog };
}

const told = ({ cipher_suite, decrypted, outcome, alert, client_certificates: [leaf] }: TracedConnection) =>
  [cipher_suite, decrypted, outcome, alert?.name, leaf?.subject].join(" ");

describe.each(suites)("a capture of %s", (suite) => {
  let source: { file: string; keyLog: string };
  beforeAll(async () => {
    source = await captureSuite(suite);
  });

  const expectOpened = async (file: string, keyLog?: string): Promise<void> => {
    expect((await expectAgreement(file, keyLog)).map(told)).toEqual([
      expect.stringMatching(new RegExp(`^${suite} true accepted {2}.*CN=`)),
      expect.stringMatching(new RegExp(`^${suite} true refused unknown_ca .*CN=client`)),
      `${suite} true refused certificate_required `,
    ]);
  };

  it("is opened with a key log", () => expectOpened(source.file, source.keyLog));

  it("is opened when the server asks for another group first", async () => {
    const retried = await captureSuite(suite, "-groups", "P-384");
    await expectOpened(retried.file, retried.keyLog);
    const { connections } = await traced(retried.file, retried.keyLog);
    for (const { steps } of connections) expect(steps.map(({ name }) => name)).toContain("hello_retry_request");
  });

  it("is opened with the secrets that editcap puts into it", async () => {
    const file = files.file("with-secrets.pcapng");
    await runChecked("editcap", ["--inject-secrets", `tls,${source.keyLog}`, source.file, file]);
    await expectOpened(file);
    const { connections } = await traced(source.file);
    expect(connections.map(({ decrypted }) => decrypted)).toEqual([false, false, false]);
  });

  it("is opened with secrets of several blocks and of a file", async () => {
    const lines = (await readFile(source.keyLog, "utf8")).split("\n").filter(Boolean);
    const part = async (name: string, isIn: (line: number) => boolean): Promise<string> => {
      await writeFile(files.file(name), `${lines.filter((_, i) => isIn(i)).join("\n")}\n`);
      return files.file(name);
    };
    const [one, two, three] = [
      await part("one", (i) => i % 3 === 0),
      await part("two", (i) => i % 3 === 1),
      await part("three", (i) => i % 3 === 2),
    ];
    const file = files.file("several.pcapng");
    await runChecked("editcap", [
      "--inject-secrets",
      `tls,${one}`,
      "--inject-secrets",
      `tls,${two}`,
      source.file,
      file,
    ]);
    const opened = (await traced(file)).connections.map(told).filter((words) => words.includes("refused unknown_ca"));
    expect(opened).toEqual([]);
    await expectOpened(file, three);
  });
});
