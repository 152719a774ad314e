import { createHmac } from "node:crypto";
import type { HelloRandoms } from "../messages/server-key-exchange.js";
import { Reader } from "../reader.js";
import type { Tls12Suite } from "./tls12-suite.js";

const mainSecretBytes = 48;
const verifyDataBytes = 12;

/** RFC 5246 section 8.1; with the hash of the messages so far instead of the randoms, RFC 7627 section 4. */
export function mainSecret(suite: Tls12Suite, premaster: Buffer, from: MainSecretSeed): Buffer {
  if ("sessionHash" in from) return prf(suite, premaster, "extended master secret", from.sessionHash, mainSecretBytes);
  return prf(suite, premaster, "master secret", Buffer.concat([from.clientRandom, from.serverRandom]), mainSecretBytes);
}

export type MainSecretSeed = { sessionHash: Buffer } | HelloRandoms;

export interface DirectionKeys {
  key: Buffer;
  iv: Buffer;
}

/** RFC 5246 section 6.3, for AEAD suites: no MAC keys. */
export function connectionKeys(
  suite: Tls12Suite,
  secret: Buffer,
  randoms: HelloRandoms,
): { client: DirectionKeys; server: DirectionKeys } {
  const { keyBytes, ivBytes } = suite;
  const seed = Buffer.concat([randoms.serverRandom, randoms.clientRandom]);
  const block = new Reader(prf(suite, secret, "key expansion", seed, 2 * (keyBytes + ivBytes)), "key block");
  const [clientKey, serverKey] = [block.take(keyBytes), block.take(keyBytes)];
  return { client: { key: clientKey, iv: block.take(ivBytes) }, server: { key: serverKey, iv: block.take(ivBytes) } };
}

/** RFC 5246 section 7.4.9. */
export function verifyData12(suite: Tls12Suite, secret: Buffer, side: "client" | "server", hash: Buffer): Buffer {
  return prf(suite, secret, `${side} finished`, hash, verifyDataBytes);
}

/** RFC 5246 section 5: P_hash over label and seed. */
export function prf(
  suite: Pick<Tls12Suite, "hash">,
  secret: Buffer,
  label: string,
  seed: Buffer,
  length: number,
): Buffer {
  const labelled = Buffer.concat([Buffer.from(label, "latin1"), seed]);
  const hmac = (...parts: Buffer[]) => createHmac(suite.hash, secret).update(Buffer.concat(parts)).digest();
  const pieces: Buffer[] = [];
  let produced = 0;
  for (let a = hmac(labelled); produced < length; a = hmac(a)) {
    const piece = hmac(a, labelled);
    pieces.push(piece);
    produced += piece.length;
  }
  return Buffer.concat(pieces).subarray(0, length);
}
