import { request } from "node:https";
import { afterAll, beforeAll, expect, it } from "vitest";
import { diagnose } from "../../src/doctor/diagnose.js";
import { legsOf } from "../../src/doctor/legs/legs-of.js";
import { type CertificateAuthority, createRootCa, type IssuedCertificate } from "../../src/peers/pki/authority.js";
import { type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { pluginCertificate, withCertificates } from "../scenarios/support/certificate-set-ups.js";
import { writeTree } from "../scenarios/support/machine-tree.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { startRealKeylime } from "./support/keylime.js";
import { describeWithPeers } from "./support/peers.js";
import { type Verdict, verdictOnClient } from "./support/tls-clients.js";

type Client = Pick<IssuedCertificate, "chainPem" | "keyPem">;

const dayMs = 86_400_000;
const day = (from: number, to: number) => ({
  notBefore: new Date(Date.now() + from * dayMs),
  notAfter: new Date(Date.now() + to * dayMs),
});

/** What the Go plugin presents, which sends just what its file holds. */
const clients: Record<string, (pki: FieldReportPki) => Client | Promise<Client>> = {
  chain: ({ plugin }) => plugin,
  leafAlone: ({ plugin }) => ({ chainPem: plugin.certPem, keyPem: plugin.keyPem }),
  serverAuthOnly: (pki) => pluginCertificate(pki, { eku: ["serverAuth"] }),
  keyEncipherment: (pki) => pluginCertificate(pki, { keyUsage: ["keyEncipherment"] }),
  expired: (pki) => pluginCertificate(pki, day(-2, -1)),
  notYetValid: (pki) => pluginCertificate(pki, day(1, 2)),
  weak: (pki) => pluginCertificate(pki, { keyType: "rsa1024" }),
  ed25519: (pki) => pluginCertificate(pki, { keyType: "ed25519" }),
  foreign: async () => below(await createRootCa({ commonName: "another root" })),
  twin: async () => (await fieldReportPki()).plugin,
  limitedIssuer: async (pki) => below(await pki.root.issueCa({ commonName: "servers only", eku: ["serverAuth"] })),
  noCa: async (pki) => below(await pki.root.issueCa({ commonName: "no CA", ca: false })),
  tooDeep: async (pki) => below(await pki.intermediate.issueCa({ commonName: "too deep" })),
};

const below = (ca: CertificateAuthority): Promise<IssuedCertificate> =>
  ca.issue({ commonName: "spire", eku: ["clientAuth"] });

/** The cause that the doctor names from the files, and what it says the verifier will answer. */
interface Answer {
  causes: string[];
  verdict: Verdict;
}

const wholeChainTrusted: Record<string, Answer> = {
  chain: { causes: [], verdict: 404 },
  leafAlone: { causes: [], verdict: 404 },
  serverAuthOnly: { causes: ["cert-no-client-auth"], verdict: "alert 43" },
  keyEncipherment: { causes: ["cert-no-client-auth"], verdict: "alert 43" },
  expired: { causes: ["cert-expired"], verdict: "alert 45" },
  notYetValid: { causes: ["cert-not-yet-valid"], verdict: "alert 42" },
  weak: { causes: ["cert-weak"], verdict: "alert 42" },
  ed25519: { causes: [], verdict: 404 },
  foreign: { causes: ["ca-wrong"], verdict: "alert 48" },
  twin: { causes: ["ca-wrong"], verdict: "alert 48" },
  limitedIssuer: { causes: ["ca-eku-limits"], verdict: "alert 43" },
  noCa: { causes: ["ca-not-a-ca"], verdict: "alert 48" },
  tooDeep: { causes: ["ca-not-a-ca"], verdict: "alert 48" },
};

/** curl and `openssl s_client` do not even load so weak a key; Go does, and Node when it is told to. */
function askBelowLevel(url: string, { chainPem, keyPem }: Client): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const options = { cert: chainPem, key: keyPem, ciphers: "DEFAULT@SECLEVEL=0", rejectUnauthorized: false };
    const call = request(url, options, (answer) => resolve(answer.resume().statusCode!));
    call.on("error", (error) => {
      const number = /SSL alert number (\d+)/.exec(error.message)?.[1];
      if (number === undefined) reject(error);
      else resolve(`alert ${Number(number)}`);
    });
    call.end();
  });
}

const pick = (names: readonly string[], answer: (name: string) => Answer) =>
  Object.fromEntries(names.map((name) => [name, answer(name)]));

const trustFiles: [
  title: string,
  list: string,
  ca: (pki: FieldReportPki) => string,
  answers: Record<string, Answer>,
][] = [
  ["intermediate and root", '["ca.crt"]', (pki) => pki.caCompleteChainPem, wholeChainTrusted],
  [
    "the root alone",
    '["root.crt"]',
    (pki) => pki.root.certPem,
    {
      ...pick(["chain", "serverAuthOnly", "limitedIssuer", "noCa"], (name) => wholeChainTrusted[name]!),
      leafAlone: { causes: ["cert-chain-incomplete"], verdict: "alert 48" },
    },
  ],
  [
    "the intermediate alone",
    '["int.crt"]',
    (pki) => pki.intermediate.certPem,
    pick(["chain", "leafAlone"], () => ({ causes: ["ca-bundle-incomplete"], verdict: "alert 48" })),
  ],
];

describeWithPeers(["keylime_verifier"], "what the doctor predicts of the verifier (Keylime 7.14.3)", () => {
  let pki: FieldReportPki;
  let files: TemporaryDirectory;
  beforeAll(async () => {
    pki = await fieldReportPki();
    files = await temporaryDirectory();
  });
  afterAll(() => files[Symbol.asyncDispose]());

  it.each(trustFiles)("is what it answers when it trusts %s", async (_, trustedClientCa, ca, answers) => {
    await using dir = await temporaryDirectory();
    await using keylime = await startRealKeylime({ dir: dir.path, pki, registrar: false, trustedClientCa });
    const told: Record<string, Answer> = {};
    const real: Record<string, Verdict> = {};
    for (const name of Object.keys(answers)) {
      const client = await clients[name]!(pki);
      told[name] = await predicted(client, ca(pki));
      const [certFile, keyFile] = [
        await files.write(`${name}.crt`, client.chainPem),
        await files.write(`${name}.key`, client.keyPem),
      ];
      const url = `${keylime.verifierUrl}/v2.2/agents/test`;
      real[name] =
        name === "weak" ? await askBelowLevel(url, client) : await verdictOnClient(url, { certFile, keyFile });
    }
    expect(told).toEqual(answers);
    expect(real).toEqual(Object.fromEntries(Object.entries(answers).map(([name, { verdict }]) => [name, verdict])));
  });

  async function predicted(client: Client, clientCa: string): Promise<Answer> {
    await using tree = await writeTree(withCertificates(pki, { client, clientCa }));
    const options = { root: tree.root, offline: true, only: [], skip: [], timeoutMs: 1500, nowMs: Date.now() };
    const { facts, ranked } = await diagnose(options);
    const leg = legsOf(facts, options.nowMs).find(({ id }) => id === "plugin->verifier");
    const verdict = leg!.verdicts.server;
    // What was sent must be what the file holds.
    expect(leg!.client.presented!.sent).toHaveLength(client.chainPem.split("BEGIN CERTIFICATE").length - 1);
    const causes = ranked.filter(({ finding }) => finding.stopsAttestation).map(({ id }) => id);
    return { causes, verdict: verdict.is === "refuses" ? `alert ${verdict.alert!}` : 404 };
  }
});
