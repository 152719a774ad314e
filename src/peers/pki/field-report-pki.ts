import { type CertificateAuthority, createRootCa, type IssuedCertificate, type LeafOptions } from "./authority.js";
import type { KeyType } from "./key-pair.js";

/** The PKI of the operators' report: one root, one intermediate, a leaf per service; and Keylime's own CA beside it. */
export interface FieldReportPki {
  /** `CN=Eye of Thundera` */
  root: CertificateAuthority;
  /** `C=US, O=Funlab.Casa, OU=Tower of Omens, CN=Book of Omens` */
  intermediate: CertificateAuthority;
  /** The report's `ca-complete-chain.crt`: intermediate, then root. */
  caCompleteChainPem: string;
  verifier: IssuedCertificate;
  registrar: IssuedCertificate;
  /** serverAuth only: with clientAuth a node would pass for a Keylime admin. */
  agent: IssuedCertificate;
  /** The plugin's client certificate: clientAuth only. */
  plugin: IssuedCertificate;
  tenant: IssuedCertificate;
  cvCa: CvCa;
  /** Any other certificate below the intermediate. */
  issue(options: LeafOptions): Promise<IssuedCertificate>;
}

/** What `tls_dir = generate` leaves in `<work dir>/cv_ca`; the keys are the file names there. */
export interface CvCa {
  ca: CertificateAuthority;
  server: IssuedCertificate;
  client: IssuedCertificate;
  files: Record<
    "cacert.crt" | "server-cert.crt" | "server-private.pem" | "client-cert.crt" | "client-private.pem",
    string
  >;
}

export interface PkiOptions {
  /** P-256 unless told: RSA keys cost a tenth of a second each. */
  keyType?: KeyType;
}

const loopback = { dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] };

export async function fieldReportPki({ keyType = "p256" }: PkiOptions = {}): Promise<FieldReportPki> {
  const root = await createRootCa({ commonName: "Eye of Thundera", keyType });
  const intermediate = await root.issueCa({
    subject: "C=US, O=Funlab.Casa, OU=Tower of Omens, CN=Book of Omens",
    pathLength: 0,
    keyType,
  });
  const service = (name: string, eku: LeafOptions["eku"] = ["serverAuth", "clientAuth"]) =>
    intermediate.issue({
      commonName: `${name}.keylime.funlab.casa`,
      dnsNames: [`${name}.keylime.funlab.casa`, `${name}.funlab.casa`, ...loopback.dnsNames],
      ipAddresses: loopback.ipAddresses,
      eku,
      keyType,
    });
  const client = (name: string) =>
    intermediate.issue({
      commonName: `${name}.keylime.funlab.casa`,
      dnsNames: [`${name}.keylime.funlab.casa`],
      eku: ["clientAuth"],
      keyType,
    });
  const [verifier, registrar, agent, plugin, tenant, cvCa] = await Promise.all([
    service("verifier"),
    service("registrar"),
    service("agent", ["serverAuth"]),
    client("spire-server"),
    client("tenant"),
    createCvCa({ keyType }),
  ]);
  return {
    root,
    intermediate,
    caCompleteChainPem: intermediate.bundlePem,
    verifier,
    registrar,
    agent,
    plugin,
    tenant,
    cvCa,
    issue: (options) => intermediate.issue({ keyType, ...options }),
  };
}

/**
 * A CA as Keylime 7.14 generates it for itself (`ca_impl_openssl.py`): one level, foreign to everybody else's trust; its
 * leaves carry neither basic constraints nor key usages of either kind.
 */
export async function createCvCa({ keyType = "p256" }: PkiOptions = {}): Promise<CvCa> {
  const subject = (name: string) => `C=US, CN=${name}, ST=MA, L=Lexington, O=Keylime, OU=53`;
  const ca = await createRootCa({ subject: subject("Keylime Certificate Authority"), serialNumber: "01", keyType });
  const leaf = (name: "server" | "client", serialNumber: string) =>
    ca.issue({
      subject: subject(name),
      serialNumber,
      ...(name === "server" ? loopback : { dnsNames: [name] }),
      omit: ["basicConstraints", "keyUsage", "subjectKeyIdentifier"],
      keyType,
    });
  const [server, client] = await Promise.all([leaf("server", "02"), leaf("client", "03")]);
  return {
    ca,
    server,
    client,
    files: {
      "cacert.crt": ca.certPem,
      "server-cert.crt": server.certPem,
      "server-private.pem": server.keyPem,
      "client-cert.crt": client.certPem,
      "client-private.pem": client.keyPem,
    },
  };
}
