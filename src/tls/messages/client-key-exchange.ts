import { readWhole } from "../reader.js";
import { written } from "../writer.js";

/** The client's ephemeral public key (RFC 8422 section 5.7). */
export function readClientKeyExchange(body: Buffer): Buffer {
  return readWhole(body, "ClientKeyExchange", (reader) => reader.vector(1).rest());
}

export function writeClientKeyExchange(publicKey: Buffer): Buffer {
  return written((writer) => writer.vector(1, publicKey));
}
