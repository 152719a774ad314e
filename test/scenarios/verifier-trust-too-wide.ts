import { createRootCa } from "../../src/peers/pki/authority.js";
import type { FieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { caFile, certs, withAgent, withCertificates } from "./support/certificate-set-ups.js";
import { liveScenario } from "./support/live-set-ups.js";
import type { LiveScenario, Scenario } from "./support/scenario.js";
import { healthy, verifierConf } from "./support/set-ups.js";

const wiki = (pki: FieldReportPki) =>
  pki.issue({ commonName: "wiki.funlab.casa", eku: ["serverAuth", "clientAuth"], dnsNames: ["wiki.funlab.casa"] });

const tooWide = { causes: [], findings: ["verifier-trust-too-wide"] } as const;

const written: readonly Scenario[] = [
  {
    ...tooWide,
    name: "a CA that issues to a wiki as well",
    tree: async (pki) => [healthy(pki), { [`${certs}/wiki.crt`]: (await wiki(pki)).certPem }],
    says: [`${verifierConf}:7`, "CN=Eye of Thundera", `certificate 1 of ${certs}/wiki.crt, CN=wiki.funlab.casa`],
  },
  {
    ...tooWide,
    name: "a trusted root alone, below which the chain of another one is complete",
    tree: async (pki) => [
      withCertificates(pki, { clientCa: pki.root.certPem }),
      { [`${certs}/wiki.crt`]: (await wiki(pki)).chainPem },
    ],
    says: ["CN=wiki.funlab.casa", "whoever has such a key is a Keylime admin"],
  },
  {
    ...tooWide,
    name: "nodes whose Keylime agents have certificates for clients",
    tree: async (pki) => [
      withCertificates(pki),
      withAgent(await pki.issue({ commonName: "node1.funlab.casa", eku: ["serverAuth", "clientAuth"] })),
    ],
    says: ["CN=node1.funlab.casa", "server_cert of the Keylime agent"],
  },
  {
    ...tooWide,
    name: "another intermediate below the trusted root",
    tree: async (pki) => [
      healthy(pki),
      { [`${certs}/offices.crt`]: (await pki.root.issueCa({ commonName: "Offices" })).certPem },
    ],
    says: ["CN=Offices", "a CA, so all that it issues"],
  },
  {
    ...tooWide,
    name: "the roots that browsers trust",
    tree: async (pki) => {
      const roots = await Promise.all([1, 2, 3, 4, 5].map((each) => createRootCa({ commonName: `root ${each}` })));
      const bundle = [pki.caCompleteChainPem, ...roots.map(({ certPem }) => certPem)].join("");
      return [healthy(pki), { [caFile]: bundle }];
    },
    says: ["6 roots, and with them for every client certificate"],
  },
  {
    name: "what is for servers alone, has expired or is of another CA opens nothing",
    tree: async (pki) => {
      const expired = { notBefore: new Date(0), notAfter: new Date(86_400_000) };
      const [server, old] = await Promise.all([
        pki.issue({ commonName: "web", eku: ["serverAuth"] }),
        pki.issue({ commonName: "old", eku: ["clientAuth"], ...expired }),
      ]);
      return [
        healthy(pki),
        {
          [`${certs}/web.crt`]: server.chainPem,
          [`${certs}/old.crt`]: old.chainPem,
          [`${certs}/other.crt`]: pki.cvCa.client.certPem,
        },
      ];
    },
    causes: [],
  },
  {
    name: "the tenant's certificate, whose configuration lies elsewhere, and a copy of the plugin's are Keylime's own",
    tree: (pki) => [
      withCertificates(pki),
      {
        [`${certs}/tenant.crt`]: pki.tenant.chainPem,
        [`${certs}/spire-server-2026.crt`]: pki.plugin.chainPem,
        [`${certs}/int.crt`]: pki.intermediate.certPem,
      },
    ],
    causes: [],
  },
];

const seen: readonly LiveScenario[] = [
  liveScenario({
    ...tooWide,
    name: "a verifier that answers a wiki's certificate",
    files: async (_, pki) => {
      const { chainPem, keyPem } = await wiki(pki);
      return { [`${certs}/wiki.crt`]: chainPem, [`${certs}/wiki.key`]: keyPem };
    },
    says: [`with ${certs}/wiki.crt: HTTP 4`],
  }),
];

export const scenarios = [...written, ...seen];
