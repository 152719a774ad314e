import { createPublicKey, type KeyObject } from "node:crypto";
import { errorText, Problem } from "../../core/problem.js";
import type { CurveName, PublicArea } from "./public-area.js";
import { u32 } from "./writer.js";

type KeyMaterial =
  | { type: "rsa"; keyBits: number; exponent: number; modulus: Buffer }
  | { type: "ecc"; curve: CurveName; x: Buffer; y: Buffer };

/** The key of a public area. Throws a `Problem` (`tpm-form`) when it is none, e.g. a point off its curve. */
export function publicKeyOf(area: PublicArea): KeyObject {
  const key =
    area.type === "rsa"
      ? { kty: "RSA", n: area.modulus.toString("base64url"), e: u32(area.exponent).toString("base64url") }
      : { kty: "EC", crv: area.curve, x: area.x.toString("base64url"), y: area.y.toString("base64url") };
  try {
    return createPublicKey({ key, format: "jwk" });
  } catch (cause) {
    throw new Problem("tpm-form", `cannot make a public key of a TPM2B_PUBLIC: ${errorText(cause)}`, {
      culprit: "peer",
      cause,
    });
  }
}

/** The numbers of an RSA or NIST-curve key, as a public area holds them. */
export function keyMaterialOf(key: KeyObject): KeyMaterial {
  const jwk = key.export({ format: "jwk" });
  if (jwk.kty === "RSA") {
    const modulus = Buffer.from(jwk.n!, "base64url");
    const exponent = Number.parseInt(Buffer.from(jwk.e!, "base64url").toString("hex"), 16);
    return { type: "rsa", keyBits: modulus.length * 8, exponent, modulus };
  }
  if (jwk.kty !== "EC") {
    throw new Problem("tpm-form", `cannot put a key of type ${jwk.kty} into a TPM2B_PUBLIC`, { culprit: "ours" });
  }
  return {
    type: "ecc",
    curve: jwk.crv as CurveName,
    x: Buffer.from(jwk.x!, "base64url"),
    y: Buffer.from(jwk.y!, "base64url"),
  };
}
