import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import { expect, it } from "vitest";
import { createRootCa, type IssuedCertificate } from "../peers/pki/authority.js";
import { presentedChain } from "./presented-chain.js";

const root = await createRootCa({ commonName: "root" });
const ca = await root.issueCa({ commonName: "CA" });
const renewed = await root.issueCa({ commonName: "CA" });
const own = await renewed.issue({ commonName: "plugin" });

const sets: [string, IssuedCertificate[], IssuedCertificate[]][] = [
  ["a lone leaf beside its CA and root", [own], [renewed, root]],
  ["a lone leaf beside an older CA of the same name, which another key signed", [own], [ca, renewed, root]],
  ["a lone leaf beside the older CA alone", [own], [ca, root]],
  ["a lone leaf beside a root that did not sign it", [own], [root]],
  ["a leaf with its CA, beside the root", [own, renewed], [root]],
];

it.each(sets)("is what Node sends of %s", async (_, file, trusted) => {
  const x509 = (each: readonly IssuedCertificate[]) => each.map(({ certPem }) => new X509Certificate(certPem));
  const told = presentedChain(x509(file), x509(trusted), Date.now()).map(({ sha256 }) => sha256);
  expect(told).toEqual(await receivedOf(file, trusted));
});

/** What a server receives of a client with these files, as SHA-256 of each certificate, leaf first. */
async function receivedOf(file: readonly IssuedCertificate[], trusted: readonly IssuedCertificate[]) {
  const { certPem: cert, keyPem: key } = await root.issue({ commonName: "server" });
  const server = createServer({ cert, key, requestCert: true, rejectUnauthorized: false, ca: [] }).listen(
    0,
    "127.0.0.1",
  );
  await once(server, "listening");
  const client = connect({
    port: (server.address() as AddressInfo).port,
    rejectUnauthorized: false,
    cert: file.map(({ certPem }) => certPem).join(""),
    key: own.keyPem,
    ca: trusted.map(({ certPem }) => certPem),
  });
  try {
    const [socket] = (await once(server, "secureConnection")) as [TLSSocket];
    return fingerprints(socket.getPeerCertificate(true));
  } finally {
    client.destroy();
    server.close();
  }
}

function fingerprints(first: DetailedPeerCertificate): string[] {
  const found: string[] = [];
  for (let each = first; each?.raw !== undefined; each = each.issuerCertificate) {
    const sha256 = each.fingerprint256.replaceAll(":", "").toLowerCase();
    if (found.includes(sha256)) break;
    found.push(sha256);
  }
  return found;
}
