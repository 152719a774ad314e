import { createPrivateKey, X509Certificate } from "node:crypto";
import { isCertificateBlock, parsePem } from "../../formats/pem/pem.js";
import { createCvCa, type FieldReportPki } from "../../peers/pki/field-report-pki.js";
import type { ClientCredentials } from "../../probe/client-credentials.js";
import type { Stack } from "../../probe/stack.js";

/** One column: what a client presents, and how its TLS library does it. */
export interface MatrixClient {
  id: string;
  presents: string;
  credentials: ClientCredentials | undefined;
  /** OpenSSL completes a leaf from the client's CA file, Go sends the file as it stands. */
  stack: Stack;
}

const dayMs = 86_400_000;

export async function matrixClients(pki: FieldReportPki): Promise<MatrixClient[]> {
  const commonName = "spire-server.keylime.funlab.casa";
  const past = { notBefore: new Date(Date.now() - 2 * dayMs), notAfter: new Date(Date.now() - dayMs) };
  const [serverOnly, expired, cvCa] = await Promise.all([
    pki.issue({ commonName, eku: ["serverAuth"] }),
    pki.issue({ commonName, eku: ["clientAuth"], ...past }),
    createCvCa(),
  ]);
  const { plugin } = pki;
  const client = (id: string, presents: string, pem: string, keyPem: string, stack: Stack = "go"): MatrixClient => ({
    ...{ id, presents, stack },
    credentials: credentialsOf(id, pem, keyPem),
  });
  return [
    { id: "none", presents: "no certificate", credentials: undefined, stack: "go" },
    client("plugin", "leaf and intermediate, clientAuth", plugin.chainPem, plugin.keyPem),
    client("serveronly", "leaf and intermediate, serverAuth only", serverOnly.chainPem, serverOnly.keyPem),
    client("expired", "leaf and intermediate, expired", expired.chainPem, expired.keyPem),
    client("foreign", "a certificate of another CA", cvCa.client.certPem, cvCa.client.keyPem),
    client("leafonly (OpenSSL)", "the leaf's file, by curl", plugin.certPem, plugin.keyPem, "openssl"),
    client("leafonly (Go)", "the leaf's file, by a Go plugin", plugin.certPem, plugin.keyPem),
  ];
}

function credentialsOf(name: string, pem: string, keyPem: string): ClientCredentials {
  const chain = parsePem(pem)
    .blocks.filter(isCertificateBlock)
    .map(({ text }) => new X509Certificate(text));
  return {
    name,
    keyPath: name,
    chain,
    key: createPrivateKey(keyPem),
    keyForm: { label: "PRIVATE KEY", isEncrypted: false },
  };
}
