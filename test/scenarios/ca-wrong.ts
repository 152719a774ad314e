import { createRootCa } from "../../src/peers/pki/authority.js";
import { caFile, namesake, withAgent, withCertificates } from "./support/certificate-set-ups.js";
import { liveScenario, pluginCert, pluginKey } from "./support/live-set-ups.js";
import type { Scenario } from "./support/scenario.js";
import { verifierConf } from "./support/set-ups.js";

const written: readonly Scenario[] = [
  {
    name: "a verifier that trusts another CA",
    tree: async (pki) => [
      withCertificates(pki, { clientCa: (await createRootCa({ commonName: "Plun-Darr" })).certPem }),
    ],
    causes: ["ca-wrong"],
    says: [
      "the verifier refuses the server plugin's certificate CN=spire-server.keylime.funlab.casa",
      "it was issued below CN=Eye of Thundera",
      `${caFile} holds CN=Plun-Darr`,
      "alert 48 unknown_ca",
    ],
  },
  {
    name: "a verifier that trusts a CA of the same name with another key",
    tree: async (pki) => [withCertificates(pki, { clientCa: (await namesake(pki)).certPem })],
    causes: ["ca-wrong"],
    says: ["with another key than the one that signed", "same name, other key"],
  },
  {
    name: "a plugin whose CA file never signed the verifier",
    tree: (pki) => [withCertificates(pki, { serverCa: pki.cvCa.ca.certPem, ours: true })],
    causes: ["ca-wrong"],
    says: ["the server plugin refuses the verifier's certificate", "/etc/spire/server.conf:"],
  },
];

/** Verifier and Keylime agent share their trust file. */
const shared: Scenario = {
  name: "a trust file without the CA, of a verifier and of a Keylime agent",
  tree: async (pki) => [
    withCertificates(pki, { clientCa: (await createRootCa({ commonName: "Plun-Darr" })).certPem }),
    withAgent(pki.agent),
  ],
  causes: ["ca-wrong"],
  says: [
    "the verifier refuses the server plugin's certificate CN=spire-server.keylime.funlab.casa and the Keylime agent refuses the verifier's certificate CN=verifier.keylime.funlab.casa: it was issued below CN=Eye of Thundera",
    "the server plugin gets: alert 48 unknown_ca",
    "the verifier gets: alert",
    "then restart the verifier and the Keylime agent",
  ],
  legs: ["plugin->verifier", "verifier->agent"],
};

/** A SPIRE server's own host: the verifier runs elsewhere. */
const elsewhere = { [verifierConf]: null };

/** Beside the certificate that registrar and Keylime agent take. */
const foreignCert = "/etc/spire/foreign.crt";
const foreignKey = "/etc/spire/foreign.key";

const seen = [
  liveScenario({
    name: "a verifier on another host that refuses a certificate of another PKI",
    changes: () => ({
      server: {
        keylime_tls_cert_file: foreignCert,
        keylime_tls_key_file: foreignKey,
        keylime_registrar_tls_cert_file: pluginCert,
        keylime_registrar_tls_key_file: pluginKey,
      },
    }),
    files: (_, pki) => ({
      ...elsewhere,
      [foreignCert]: pki.cvCa.client.certPem,
      [foreignKey]: { text: pki.cvCa.client.keyPem, mode: 0o600 },
    }),
    causes: ["ca-wrong"],
    says: ["of another PKI than the verifier's", "alert 48 unknown_ca", "the verifier's configuration is not at hand"],
  }),
];

export const scenarios = [...written, shared, ...seen];
