import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRootCa, type LeafOptions } from "../../src/peers/pki/authority.js";
import { createKeyPair } from "../../src/peers/pki/key-pair.js";
import { judgeGo } from "../../src/x509/trust/go.js";
import { judgeOpenssl } from "../../src/x509/trust/openssl.js";
import type { TrustQuestion, TrustVerdict } from "../../src/x509/trust/verdict.js";
import { Random } from "../support/random.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { goVerdicts, nowMs, opensslNameVerdicts } from "./support/trust-oracles.js";

const certificateCount = 120;
const wantedPerCertificate = 5;

const dnsNames = [
  ...["leaf.example.org", "LEAF.Example.ORG", "leaf.example.org.", "example.org", "localhost", "a_b.example.org"],
  ...["*.example.org", "*.org", "*", "f*.example.org", "*f.example.org", "leaf.*.org", "*.*.org", "-leaf.example.org"],
  ...["xn--bcher-kva.example.org", "*.xn--bcher-kva.example", "10.1.2.3", ".example.org", "leaf..org", "verifier"],
];
const addresses = ["10.1.2.3", "127.0.0.1", "::1", "2001:db8::1", "2001:db8:0:1::2", "::ffff:10.1.2.3", "fe80::1"];
const commonNames = ["leaf.example.org", "*.example.org", "10.1.2.3", "verifier", "no host name", "leaf.example.org."];
const wanted = [
  ...[
    "leaf.example.org",
    "Leaf.EXAMPLE.org",
    "leaf.example.org.",
    "example.org",
    "localhost",
    "a_b.example.org",
    "org",
  ],
  ...["foo.example.org", "of.example.org", "a.leaf.example.org", "xn--bcher-kva.example.org", "verifier", "x.org"],
  ...["10.1.2.3", "127.0.0.1", "::1", "0:0:0:0:0:0:0:1", "2001:db8::1", "2001:DB8::0:1", "::ffff:10.1.2.3", "10.1.2.4"],
  ...["2001:db8:0:1:0:0:0:2", "fe80::1", "-leaf.example.org", "xn--a.xn--bcher-kva.example", "leaf.a.org"],
];

let files: TemporaryDirectory;
let questions: (TrustQuestion & { serverName: string; story: string })[];
beforeAll(async () => {
  files = await temporaryDirectory("names");
  questions = await generateQuestions();
});
afterAll(() => files[Symbol.asyncDispose]());

describe(`${certificateCount * wantedPerCertificate} names asked of ${certificateCount} certificates`, () => {
  it("openssl verify agrees: -verify_hostname and -verify_ip", async () => {
    const theirs = await opensslNameVerdicts(files, questions);
    expect(disagreements(theirs, judgeOpenssl, ({ number }) => `${number} at 0`, "0")).toEqual([]);
    expect(shares(theirs)).toEqual({ "0": true, "62 at 0": true, "64 at 0": true });
  });

  it("Go agrees, word for word", async () => {
    const theirs = await goVerdicts(questions);
    expect(disagreements(theirs, judgeGo, ({ text }) => text, "ok 2")).toEqual([]);
    const kinds = ["ok 2", "legacy Common Name", "any IP SANs", "any names", "is valid for"];
    expect(kinds.filter((kind) => !theirs.some((one) => one.includes(kind)))).toEqual([]);
  });
});

function disagreements(
  theirs: readonly string[],
  judge: (question: TrustQuestion) => TrustVerdict,
  words: (error: { number: number; text: string }) => string,
  ok: string,
): string[] {
  return questions.flatMap((question, i) => {
    const verdict = judge(question);
    const ours = verdict.ok ? ok : words(verdict.error);
    return ours === theirs[i] ? [] : [`${question.story}: they say ${theirs[i]}, we say ${ours}`];
  });
}

/** Each answer that comes at least twenty times: the questions must reach every rule. */
function shares(answers: readonly string[]): Record<string, boolean> {
  const kinds = [...new Set(answers)];
  return Object.fromEntries(kinds.map((kind) => [kind, answers.filter((one) => one === kind).length >= 20]));
}

async function generateQuestions(): Promise<typeof questions> {
  const random = new Random(20_261_125);
  const [root, keyPair] = [await createRootCa({ commonName: "Root" }), await createKeyPair("p256")];
  const generated: typeof questions = [];
  for (let i = 0; i < certificateCount; i++) {
    const names = certificateNames(random);
    const leaf = await root.issue({ ...names, keyPair });
    for (let j = 0; j < wantedPerCertificate; j++) {
      const serverName = random.pick(wanted);
      const story = `${serverName} asked of ${JSON.stringify(names)}`;
      generated.push({ chain: [leaf.certDer], anchors: [root.certDer], purpose: "server", nowMs, serverName, story });
    }
  }
  return generated;
}

function certificateNames(random: Random): LeafOptions {
  const some = (of: readonly string[], most: number) =>
    Array.from({ length: random.below(most + 1) }, () => random.pick(of));
  return { commonName: random.pick(commonNames), dnsNames: some(dnsNames, 3), ipAddresses: some(addresses, 2) };
}
