import { X509Certificate } from "node:crypto";
import type { OpensslQuestion } from "../../../src/x509/trust/openssl.js";
import type { TrustQuestion } from "../../../src/x509/trust/verdict.js";
import { runChecked, runCommand } from "../../support/run-command.js";
import type { TemporaryDirectory } from "../../support/temporary-directory.js";

/** Dates are compared to the second. */
export const nowMs = Math.floor(Date.now() / 1000) * 1000;

const pem = (list: TrustQuestion["chain"]) => list.map((der) => new X509Certificate(pemBytes(der)).toString()).join("");
const pemBytes = (one: X509Certificate | Buffer) => (one instanceof X509Certificate ? one.raw : one);

/**
 * What `openssl verify` says: `0`, or number and depth of the first error (the tool goes on after some errors, a TLS server
 * does not).
 */
export async function opensslVerdict(files: TemporaryDirectory, question: OpensslQuestion): Promise<string> {
  const { chain, anchors, purpose } = question;
  const [leaf, ...rest] = chain;
  const leafFile = await files.write("leaf", pem([leaf!]));
  const anchorArgs = anchors.length === 0 ? ["-no-CAfile"] : ["-CAfile", await files.write("anchors", pem(anchors))];
  const untrusted = rest.length === 0 ? [] : ["-untrusted", await files.write("rest", pem(rest))];
  const { code, stderr } = await runCommand("openssl", [
    ...["verify", "-no-CApath", "-no-CAstore", "-purpose", `ssl${purpose}`, "-attime", String(question.nowMs / 1000)],
    ...["-auth_level", String(question.securityLevel ?? 2)],
    ...(question.partialChain ? ["-partial_chain"] : []),
    ...(question.strict ? ["-x509_strict"] : []),
    ...[...anchorArgs, ...untrusted, leafFile],
  ]);
  const first = /error (\d+) at (\d+) depth lookup/.exec(stderr);
  if (first !== null) return `${first[1]} at ${first[2]}`;
  return code === 0 ? "0" : `neither: ${stderr}`;
}

/**
 * As `opensslVerdict`, for leaves below one root and the names asked of them: one process per name, since starting it costs
 * far more than its answer.
 */
export async function opensslNameVerdicts(
  files: TemporaryDirectory,
  questions: readonly (TrustQuestion & { serverName: string })[],
): Promise<string[]> {
  const anchors = await files.write("anchors", pem(questions[0]!.anchors));
  const leaves = await Promise.all(questions.map(({ chain }, i) => files.write(`${i}.leaf`, pem(chain))));
  const verdicts: string[] = [];
  for (const name of new Set(questions.map(({ serverName }) => serverName))) {
    const asked = [...questions.keys()].filter((i) => questions[i]!.serverName === name);
    const { stdout, stderr } = await runCommand("openssl", [
      ...["verify", "-no-CApath", "-no-CAstore", "-CAfile", anchors, "-attime", String(nowMs / 1000)],
      ...["-purpose", "sslserver", "-auth_level", "2", ...nameArgs(name), ...asked.map((i) => leaves[i]!)],
    ]);
    const failures = stderr
      .split(/^error .*: verification failed$/m)
      .map((text) => /error (\d+) at (\d+) depth/.exec(text));
    for (const i of asked) {
      const failure = stdout.includes(`${leaves[i]}: OK\n`) ? undefined : failures.shift();
      verdicts[i] = failure === undefined ? "0" : failure === null ? "neither" : `${failure[1]} at ${failure[2]}`;
    }
  }
  return verdicts;
}

function nameArgs(serverName: string): string[] {
  const isAddress = /^[0-9.]+$|:/.test(serverName);
  return [isAddress ? "-verify_ip" : "-verify_hostname", serverName];
}

/** What a Go program says of each: `ok` and the length of the first path, or the error. */
export async function goVerdicts(questions: readonly TrustQuestion[]): Promise<string[]> {
  const base64 = (list: TrustQuestion["chain"]) => list.map((der) => pemBytes(der).toString("base64"));
  const input = questions.map(({ chain, anchors, purpose, serverName = "", nowMs: now }) =>
    JSON.stringify({ chain: base64(chain), anchors: base64(anchors), purpose, serverName, now: now / 1000 }),
  );
  const stdout = await runChecked("go", ["run", "."], {
    cwd: new URL("../trust-go", import.meta.url).pathname,
    env: { GOFLAGS: "-mod=mod", CGO_ENABLED: "0" },
    input: `${input.join("\n")}\n`,
    timeoutMs: 150_000,
  });
  const lines = stdout.trimEnd().split("\n");
  if (lines.length !== questions.length) throw new Error(`${lines.length} answers to ${questions.length} questions`);
  return lines;
}
