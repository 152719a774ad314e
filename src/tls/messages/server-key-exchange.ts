import type { KeyObject } from "node:crypto";
import { agreementGroups } from "../key-agreement.js";
import { malformed } from "../malformed.js";
import { readWhole } from "../reader.js";
import { verify12 } from "../signature-choice.js";
import { namedGroups } from "../tables/named-groups.js";
import { written } from "../writer.js";

/** ECDHE parameters with their signature (RFC 8422 section 5.4). */
export interface ServerKeyExchange {
  group: number;
  key: Buffer;
  scheme: number;
  signature: Buffer;
}

/** The randoms of both hellos, which every signature and key of TLS 1.2 covers. */
export interface HelloRandoms {
  clientRandom: Buffer;
  serverRandom: Buffer;
}

const what = "ServerKeyExchange";
/** `named_curve` of ECCurveType. */
const namedCurve = 0x03;

export function readServerKeyExchange(body: Buffer): ServerKeyExchange {
  return readWhole(body, what, (reader) => {
    if (reader.u8() !== namedCurve) throw malformed(what, "its curve has no name");
    const group = reader.u16();
    if (!agreementGroups.includes(group)) {
      throw malformed(what, `it chose ${namedGroups.name(group)}, which was not offered`);
    }
    return { group, key: reader.vector(1).rest(), scheme: reader.u16(), signature: reader.vector(2).rest() };
  });
}

export function writeServerKeyExchange(exchange: ServerKeyExchange): Buffer {
  const { scheme, signature } = exchange;
  return written((writer) => writer.bytes(parameterBytes(exchange)).u16(scheme).vector(2, signature));
}

/** What the signature covers. */
export function keyExchangeContent(exchange: Pick<ServerKeyExchange, "group" | "key">, randoms: HelloRandoms): Buffer {
  return Buffer.concat([randoms.clientRandom, randoms.serverRandom, parameterBytes(exchange)]);
}

export function isKeyExchangeSigned(exchange: ServerKeyExchange, randoms: HelloRandoms, key: KeyObject): boolean {
  return verify12(exchange.scheme, key, keyExchangeContent(exchange, randoms), exchange.signature);
}

function parameterBytes({ group, key }: Pick<ServerKeyExchange, "group" | "key">): Buffer {
  return written((writer) => writer.u8(namedCurve).u16(group).vector(1, key));
}
