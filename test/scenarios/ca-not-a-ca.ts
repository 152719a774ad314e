import type { CaOptions } from "../../src/peers/pki/authority.js";
import type { FieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { runByPython, withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";

const below = async (pki: FieldReportPki, options: CaOptions) => {
  const ca = await pki.root.issueCa({ commonName: "Mumm-Ra", ...options });
  return ca.issue({ commonName: "spire", eku: ["clientAuth"] });
};

/** permittedSubtrees with one DNS name (RFC 5280 section 4.2.1.10). */
const onlyBelow = (domain: string) => {
  const element = (tag: number, content: Buffer) => Buffer.concat([Buffer.from([tag, content.length]), content]);
  const subtree = element(0x30, element(0x82, Buffer.from(domain)));
  return { oid: "2.5.29.30", critical: true, valueDer: element(0x30, element(0xa0, subtree)) };
};

const limited = async (pki: FieldReportPki, dnsNames: readonly string[]) => {
  const limit = onlyBelow("keylime.funlab.casa");
  const ca = await pki.root.issueCa({ commonName: "Mumm-Ra", extraExtensions: [limit] });
  return ca.issue({ commonName: "limited", eku: ["clientAuth", "serverAuth"], dnsNames, ipAddresses: ["127.0.0.1"] });
};

export const scenarios: readonly Scenario[] = [
  {
    name: "an issuer without CA:TRUE",
    tree: async (pki) => [
      withCertificates(pki, { client: await below(pki, { ca: false }), clientCa: pki.root.certPem }),
    ],
    causes: ["ca-not-a-ca"],
    says: ["CN=Mumm-Ra may not sign what it signed: it lacks CA:TRUE", "invalid CA certificate"],
  },
  {
    name: "an issuer without keyCertSign",
    tree: async (pki) => [
      withCertificates(pki, {
        client: await below(pki, { keyUsage: ["digitalSignature"] }),
        clientCa: pki.root.certPem,
      }),
    ],
    causes: ["ca-not-a-ca"],
    says: ["its key usage lacks keyCertSign"],
  },
  {
    name: "more CAs than a path length allows",
    tree: async (pki) => {
      const ca = await pki.intermediate.issueCa({ commonName: "too deep" });
      const client = await ca.issue({ commonName: "spire", eku: ["clientAuth"] });
      return [withCertificates(pki, { client })];
    },
    causes: ["ca-not-a-ca"],
    says: ["more CAs stand below it than its path length allows", "CN=Book of Omens"],
  },
  {
    name: "a CA without key usage, for Python 3.13",
    tree: async (pki) => [
      withCertificates(pki, { client: await below(pki, { omit: ["keyUsage"] }), clientCa: pki.root.certPem }),
      runByPython("3.13"),
    ],
    causes: ["ca-not-a-ca"],
    says: [
      "CN=Mumm-Ra may not sign what it signed: it has no key usage, which Python's ssl from 3.13 on",
      "critical basic constraints, keyCertSign and both key identifiers",
    ],
  },
  {
    name: "a client's name outside of its CA's name constraints",
    tree: async (pki) => [
      withCertificates(pki, {
        client: await limited(pki, ["spire.example.org"]),
        clientCa: pki.root.certPem,
      }),
    ],
    causes: ["ca-not-a-ca"],
    says: [
      "CN=Mumm-Ra may not sign what it signed: its name constraints exclude a name of CN=limited",
      "permitted subtree violation (PERMITTED_VIOLATION) at depth 0, CN=limited",
      "issue CN=limited with names that the name constraints of CN=Mumm-Ra allow",
      "openssl crl2pkcs7 -nocrl -certfile /etc/keylime/certs/spire-server.crt",
    ],
  },
  {
    name: "a verifier's name outside of its CA's name constraints",
    tree: async (pki) => [withCertificates(pki, { server: await limited(pki, ["verifier.example.org"]), ours: true })],
    causes: ["ca-not-a-ca"],
    says: ["the server plugin refuses the verifier's certificate CN=limited", "then restart the verifier"],
  },
  {
    name: "none where the names are within the constraints",
    tree: async (pki) => [
      withCertificates(pki, {
        client: await limited(pki, ["spire.keylime.funlab.casa"]),
        clientCa: pki.root.certPem,
      }),
    ],
    causes: [],
  },
];
