import { createHash, createHmac } from "node:crypto";
import type { HashName } from "./algorithms.js";
import { u32 } from "./writer.js";

/** Labels end with a zero byte wherever the specification hashes them (TPM 2.0 Part 1, section 11.4.10). */
function labelBytes(label: string): Buffer {
  return Buffer.from(`${label}\0`, "ascii");
}

/** KDFa, a key from a key (TPM 2.0 Part 1, section 11.4.10.2; SP 800-108 in counter mode over HMAC). */
export function kdfa(hash: HashName, key: Buffer, label: string, context: Buffer, bits: number): Buffer {
  const rest = Buffer.concat([labelBytes(label), context, u32(bits)]);
  return counted(bits, (counter) => createHmac(hash, key).update(counter).update(rest).digest());
}

/** KDFe, a key from an ECDH point (section 11.4.10.3; SP 800-56A): `z`, `partyU` and `partyV` are x-coordinates. */
export function kdfe(hash: HashName, z: Buffer, label: string, partyU: Buffer, partyV: Buffer, bits: number): Buffer {
  const rest = Buffer.concat([z, labelBytes(label), partyU, partyV]);
  return counted(bits, (counter) => createHash(hash).update(counter).update(rest).digest());
}

function counted(bits: number, digestOf: (counter: Buffer) => Buffer): Buffer {
  const digests: Buffer[] = [];
  for (let length = 0; length < bits / 8; length += digests.at(-1)!.length)
    digests.push(digestOf(u32(digests.length + 1)));
  return Buffer.concat(digests).subarray(0, bits / 8);
}
