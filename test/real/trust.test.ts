import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type CaOptions,
  type CertificateAuthority,
  createRootCa,
  type LeafOptions,
} from "../../src/peers/pki/authority.js";
import { createKeyPair, type KeyPair } from "../../src/peers/pki/key-pair.js";
import { judgeGo } from "../../src/x509/trust/go.js";
import { judgeOpenssl } from "../../src/x509/trust/openssl.js";
import type { Purpose, TrustVerdict } from "../../src/x509/trust/verdict.js";
import { Random } from "../support/random.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { goVerdicts, nowMs, opensslVerdict } from "./support/trust-oracles.js";

const dayMs = 86_400_000;
const caseCount = 600;

interface Case {
  /** What was planted, for a reader of a failure. */
  story: string;
  chain: Buffer[];
  anchors: Buffer[];
  purpose: Purpose;
}

let files: TemporaryDirectory;
let cases: Case[];
beforeAll(async () => {
  files = await temporaryDirectory("trust");
  cases = await generateCases();
});
afterAll(() => files[Symbol.asyncDispose]());

describe(`${caseCount} chains with faults`, () => {
  const everyManner = [0, 7, 9, 10, 26, 34, 47, 48];
  const lax = [...everyManner, 2, 18, 19, 20, 25, 79];
  const manners = [
    { securityLevel: 0, reached: lax },
    { securityLevel: 2, reached: [...lax, 66, 67, 68] },
    { securityLevel: 2, partialChain: true, strict: true, reached: [...everyManner, 66, 67, 68, 82, 85, 86, 92] },
  ];
  it.each(manners)("openssl verify agrees with $0: same error, same depth", async ({ reached, ...manner }) => {
    const disagreements: string[] = [];
    const seen = new Set<string>();
    for (const [i, one] of cases.entries()) {
      const question = { ...one, nowMs, ...manner };
      const theirs = await opensslVerdict(files, question);
      const ours = brief(judgeOpenssl(question));
      seen.add(theirs.split(" ")[0]!);
      if (ours !== theirs) disagreements.push(`${i} ${one.story}: openssl says ${theirs}, we say ${ours}`);
    }
    expect(disagreements).toEqual([]);
    // The faults planted must reach the checks they are for.
    const missed = reached.filter((number) => !seen.has(String(number)));
    expect(missed).toEqual([]);
  });

  it("Go agrees: same error", async () => {
    const theirs = await goVerdicts(cases.map((one) => ({ ...one, nowMs })));
    const disagreements = cases.flatMap((one, i) => {
      const verdict = judgeGo({ ...one, nowMs });
      const ours = verdict.ok ? `ok ${verdict.path.length}` : verdict.error.name;
      return ours === theirs[i] ? [] : [`${i} ${one.story}: Go says ${theirs[i]}, we say ${ours}`];
    });
    expect(disagreements).toEqual([]);
    expect(new Set(theirs).size).toBeGreaterThanOrEqual(8);
  });
});

function brief(verdict: TrustVerdict): string {
  return verdict.ok ? "0" : `${verdict.error.number} at ${verdict.depth}`;
}

/** The same chains in every run but for keys and dates: three levels at most, each with a fault at times. */
async function generateCases(): Promise<Case[]> {
  const random = new Random(20_260_211);
  const keys = await keyPool();
  const generated: Case[] = [];
  while (generated.length < caseCount) generated.push(await generateCase(random, keys));
  return generated;
}

async function keyPool(): Promise<Record<"fine" | "weak", KeyPair[]>> {
  const fine = await Promise.all((["p256", "p256", "p384", "rsa2048", "ed25519"] as const).map(createKeyPair));
  return { fine, weak: [await createKeyPair("rsa1024")] };
}

async function generateCase(random: Random, keys: Record<"fine" | "weak", KeyPair[]>): Promise<Case> {
  const story: string[] = [];
  const keyPair = () => {
    const isWeak = random.below(12) === 0;
    if (isWeak) story.push("weak key");
    return random.pick(isWeak ? keys.weak : keys.fine);
  };
  const fault = <T>(of: readonly (readonly [string, T])[], who: string): T | undefined => {
    if (random.below(3) > 0) return undefined;
    const [name, value] = random.pick(of);
    story.push(`${who}: ${name}`);
    return value;
  };
  const root = await createRootCa({ commonName: "Root", keyPair: keyPair(), ...fault(caFaults, "root") });
  const authorities: CertificateAuthority[] = [root];
  for (let levels = random.below(4); levels > 0; levels--) {
    const above = authorities.at(-1)!;
    const commonName = random.below(8) === 0 ? "Root" : `CA ${authorities.length}`;
    authorities.push(await above.issueCa({ commonName, keyPair: keyPair(), ...fault(caFaults, commonName) }));
  }
  const leafOptions = { ...leafNames, keyPair: keyPair(), ...fault(leafFaults, "leaf") };
  const bottom = authorities.at(-1)!;
  const leaf = random.below(15) === 0 ? await bottom.issueCa(leafOptions) : await bottom.issue(leafOptions);
  const isLoneRoot = random.below(30) === 0;
  const intermediates = authorities.slice(1).reverse();
  const sent = arrange(random, intermediates, root, story).map(({ certDer }) => certDer);
  const anchors = await chooseAnchors(random, intermediates, root, story);
  const chain = isLoneRoot ? [root.certDer] : [leaf.certDer, ...sent];
  return { story: story.join("; "), chain, anchors, purpose: random.below(5) === 0 ? "server" : "client" };
}

function arrange(
  random: Random,
  intermediates: CertificateAuthority[],
  root: CertificateAuthority,
  story: string[],
): CertificateAuthority[] {
  switch (random.below(10)) {
    case 0:
      story.push("root sent too");
      return [...intermediates, root];
    case 1:
      story.push("sent in reverse");
      return [...intermediates].reverse();
    case 2:
      story.push("leaf only");
      return [];
    case 3:
      story.push("first intermediate missing");
      return intermediates.slice(1);
    default:
      return intermediates;
  }
}

async function chooseAnchors(
  random: Random,
  intermediates: CertificateAuthority[],
  root: CertificateAuthority,
  story: string[],
): Promise<Buffer[]> {
  const all = [...intermediates, root].map(({ certDer }) => certDer);
  switch (random.below(12)) {
    case 0:
      story.push("no anchors");
      return [];
    case 1:
      story.push("intermediates as anchors");
      return all.slice(0, -1);
    case 2:
    case 3:
      story.push("complete anchors");
      return all;
    case 4:
      story.push("root's twin as anchor");
      return [(await createRootCa({ commonName: "Root" })).certDer];
    case 5:
      story.push("another root as anchor");
      return [(await createRootCa({ commonName: "Other" })).certDer];
    default:
      return [root.certDer];
  }
}

// DER by hand: a name constraint has no builder in the library that issues.
const der = (tag: number, ...parts: (Buffer | string)[]) => {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part as string, "latin1")));
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
};
const constraints = (kind: 0xa0 | 0xa1, ...bases: Buffer[]) => ({
  extraExtensions: [
    { oid: "2.5.29.30", critical: true, valueDer: der(0x30, der(kind, ...bases.map((base) => der(0x30, base)))) },
  ],
});
const unknownCritical = { extraExtensions: [{ oid: "1.3.6.1.4.1.55555.1", critical: true, valueDer: der(0x04, "x") }] };
const net10 = Buffer.from([10, 0, 0, 0, 255, 0, 0, 0]);
const leafNames = { commonName: "leaf.funlab.casa", dnsNames: ["leaf.funlab.casa"], ipAddresses: ["10.1.2.3"] };

const anyFaults = [
  ["expired", { notBefore: new Date(0), notAfter: new Date(nowMs - dayMs) }],
  ["not yet valid", { notBefore: new Date(nowMs + dayMs) }],
  ["broken signature", { breakSignature: true }],
  ["SHA-1", { hash: "SHA-1" }],
  ["unknown critical extension", unknownCritical],
  ["no key identifiers", { omit: ["subjectKeyIdentifier", "authorityKeyIdentifier"] }],
  ["no subject key identifier", { omit: ["subjectKeyIdentifier"] }],
  ["wrong authority key identifier", { authorityKeyId: Buffer.alloc(20, 7) }],
  ["EKU serverAuth", { eku: ["serverAuth"] }],
  ["EKU clientAuth", { eku: ["clientAuth"] }],
  ["EKU both", { eku: ["clientAuth", "serverAuth"] }],
  ["EKU any", { eku: ["any"] }],
  ["EKU codeSigning", { eku: ["codeSigning"] }],
  ["no key usage", { omit: ["keyUsage"] }],
  ["no basic constraints", { omit: ["basicConstraints"] }],
] as const;

const caFaults: readonly (readonly [string, Partial<CaOptions>])[] = [
  ...anyFaults,
  ["CA:FALSE", { ca: false }],
  ["no keyCertSign", { keyUsage: ["digitalSignature"] }],
  ["neither basic constraints nor key usage", { omit: ["basicConstraints", "keyUsage"] }],
  ["path length 0", { pathLength: 0 }],
  ["path length 1", { pathLength: 1 }],
  ["permits funlab.casa", constraints(0xa0, der(0x82, "funlab.casa"))],
  ["permits example.org", constraints(0xa0, der(0x82, "example.org"))],
  ["permits example.org and funlab.casa", constraints(0xa0, der(0x82, "example.org"), der(0x82, "funlab.casa"))],
  ["excludes funlab.casa", constraints(0xa1, der(0x82, "funlab.casa"))],
  ["excludes 10.0.0.0/8", constraints(0xa1, der(0x87, net10))],
  ["permits 10.0.0.0/8", constraints(0xa0, der(0x87, net10))],
];

const leafFaults: readonly (readonly [string, Partial<LeafOptions>])[] = [
  ...anyFaults,
  ["key usage keyEncipherment only", { keyUsage: ["keyEncipherment"] }],
  ["key usage keyAgreement only", { keyUsage: ["keyAgreement"] }],
  ["key usage keyCertSign only", { keyUsage: ["keyCertSign"] }],
  ["no alternative names", { dnsNames: [], ipAddresses: [] }],
  ["another domain", { dnsNames: ["leaf.example.org"] }],
];
