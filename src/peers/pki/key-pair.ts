import { createPrivateKey, generateKeyPair, type KeyObject, webcrypto } from "node:crypto";
import { promisify } from "node:util";

/** `rsa1024` exists for the fault scenarios only. */
export type KeyType = "rsa1024" | "rsa2048" | "rsa3072" | "rsa4096" | "p256" | "p384" | "p521" | "ed25519";

export type SignatureHash = "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512";

export interface KeyPair {
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** PKCS#8, unencrypted. */
  keyPem: string;
}

const generate = promisify(generateKeyPair);
const curves = { p256: "P-256", p384: "P-384", p521: "P-521" } as const;

export async function createKeyPair(keyType: KeyType): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateOf(keyType);
  return { privateKey, publicKey, keyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}

/** The key encrypted with a password, as an operator's `key-encrypted` fault has it (PKCS#8, PBES2). */
export function encryptKeyPem(keyPem: string, password: string): string {
  return createPrivateKey(keyPem)
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: password })
    .toString();
}

/** The same key in the older container that OpenSSL 1.x wrote: PKCS#1 for RSA, SEC1 for EC. */
export function traditionalKeyPem(keyPem: string): string {
  const key = createPrivateKey(keyPem);
  return key.export({ type: key.asymmetricKeyType === "rsa" ? "pkcs1" : "sec1", format: "pem" }).toString();
}

/** The private key with the signature algorithm that WebCrypto binds to a key at import. */
export async function importSigningKey(
  key: KeyObject,
  hash: SignatureHash,
): Promise<{ signingKey: webcrypto.CryptoKey; signingAlgorithm: { name: string; hash: string } }> {
  const algorithm = importAlgorithm(key, hash);
  const pkcs8 = key.export({ type: "pkcs8", format: "der" });
  const signingKey = await webcrypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]);
  return { signingKey, signingAlgorithm: { name: algorithm.name, hash } };
}

function generateOf(keyType: KeyType): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  if (keyType === "ed25519") return generate("ed25519");
  if (keyType === "p256" || keyType === "p384" || keyType === "p521") {
    return generate("ec", { namedCurve: curves[keyType] });
  }
  return generate("rsa", { modulusLength: Number(keyType.slice(3)) });
}

function importAlgorithm(key: KeyObject, hash: SignatureHash): { name: string; hash?: string; namedCurve?: string } {
  if (key.asymmetricKeyType === "ed25519") return { name: "Ed25519" };
  if (key.asymmetricKeyType === "rsa") return { name: "RSASSA-PKCS1-v1_5", hash };
  const named = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" };
  const curve = key.asymmetricKeyDetails?.namedCurve as keyof typeof named;
  return { name: "ECDSA", namedCurve: named[curve] };
}
