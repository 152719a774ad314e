import type { X509Certificate } from "node:crypto";
import { agreementGroups } from "../../tls/key-agreement.js";
import { readWhole } from "../../tls/reader.js";
import { namedGroups } from "../../tls/tables/named-groups.js";
import { violation } from "../handshake/handshake-context.js";
import { verify12 } from "../handshake/signature-choice.js";
import { isCertificate } from "../server-chain.js";

/** ECDHE parameters with their signature (RFC 8422 section 5.4). */
export interface ServerKeyExchange {
  group: number;
  key: Buffer;
  scheme: number;
  signature: Buffer;
  /** The bytes that are signed, behind both randoms. */
  parameters: Buffer;
}

/** `named_curve` of ECCurveType. */
const namedCurve = 0x03;

export function readServerKeyExchange(body: Buffer): ServerKeyExchange {
  return readWhole(body, "ServerKeyExchange", (reader) => {
    const curveType = reader.u8();
    if (curveType !== namedCurve) throw violation("ServerKeyExchange", "its curve has no name");
    const group = reader.u16();
    if (!agreementGroups.includes(group)) {
      throw violation("ServerKeyExchange", `it chose ${namedGroups.name(group)}, which was not offered`);
    }
    const key = reader.vector(1).rest();
    const parameters = body.subarray(0, body.length - reader.left);
    return { group, key, parameters, scheme: reader.u16(), signature: reader.vector(2).rest() };
  });
}

export function isKeyExchangeSigned(
  { parameters, scheme, signature }: ServerKeyExchange,
  { clientRandom, serverRandom }: { clientRandom: Buffer; serverRandom: Buffer },
  leaf: X509Certificate | Buffer | undefined,
): boolean {
  if (leaf === undefined || !isCertificate(leaf)) return false;
  try {
    return verify12(scheme, leaf.publicKey, Buffer.concat([clientRandom, serverRandom, parameters]), signature);
  } catch {
    return false;
  }
}
