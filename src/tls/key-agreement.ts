import { createECDH, createPublicKey, diffieHellman, generateKeyPairSync } from "node:crypto";
import { malformed } from "./malformed.js";
import { namedGroups } from "./tables/named-groups.js";

const { values: groups } = namedGroups;
const curves = new Map<number, string>([
  [groups.secp256r1, "prime256v1"],
  [groups.secp384r1, "secp384r1"],
  [groups.secp521r1, "secp521r1"],
]);

/** Groups a key agreement can be made in, the preferred one first. */
export const agreementGroups: readonly number[] = [groups.x25519, groups.secp256r1, groups.secp384r1, groups.secp521r1];

/** Our half of a key exchange (RFC 8446 section 4.2.8.2): `publicKey` goes into the key share. */
export interface KeyAgreement {
  publicKey: Buffer;
  /** A peer's key that is no point of the group, or forces an all-zero secret, is malformed. */
  sharedSecret(peerKey: Buffer): Buffer;
}

export function createKeyAgreement(group: number): KeyAgreement {
  const curve = curves.get(group);
  return curve === undefined ? x25519Agreement() : ecdhAgreement(curve);
}

// The DER of a SubjectPublicKeyInfo before the 32 key bytes (RFC 8410 section 4).
const x25519SpkiPrefix = Buffer.from("302a300506032b656e032100", "hex");

function x25519Agreement(): KeyAgreement {
  const { privateKey, publicKey } = generateKeyPairSync("x25519");
  return {
    publicKey: publicKey.export({ type: "spki", format: "der" }).subarray(x25519SpkiPrefix.length),
    sharedSecret: (peerKey) => {
      if (peerKey.length !== 32) throw malformed("key share", `${peerKey.length} bytes, 32 expected for x25519`);
      const spki = Buffer.concat([x25519SpkiPrefix, peerKey]);
      return refusingBadKey(() =>
        diffieHellman({ privateKey, publicKey: createPublicKey({ key: spki, format: "der", type: "spki" }) }),
      );
    },
  };
}

function ecdhAgreement(curve: string): KeyAgreement {
  const ecdh = createECDH(curve);
  const publicKey = ecdh.generateKeys();
  return {
    publicKey,
    sharedSecret: (peerKey) => {
      if (peerKey.length !== publicKey.length || peerKey[0] !== 0x04) {
        throw malformed("key share", `${peerKey.length} bytes, an uncompressed point of ${publicKey.length} expected`);
      }
      return refusingBadKey(() => ecdh.computeSecret(peerKey));
    },
  };
}

function refusingBadKey(agree: () => Buffer): Buffer {
  try {
    return agree();
  } catch (error) {
    throw malformed("key share", "the peer's key is not a point of the group", error);
  }
}
