export interface CredentialOrder {
  /** TPM2B_PUBLIC of the endorsement key. */
  ekPublic: Buffer;
  /** Name of the attestation key (`keyName`), 34 bytes for SHA-256. */
  akName: Buffer;
  /** The challenge to hand over: at most the digest size of the EK's name algorithm. */
  secret: Buffer;
}

/**
 * TPM2_MakeCredential in software, in the file form of tpm2-tools that Keylime's registrar sends (before base64).
 * Throws a `Problem` (`tpm-public`) for a public area that is no storage key.
 */
export function makeCredential(_order: CredentialOrder): Buffer {
  throw new Error("not built yet");
}

/** The agent's answer to a challenge: lower-case hex of HMAC-SHA-384 over the agent id, keyed with the base64 text. */
export function authTag(_agentId: string, _challengeBase64: string): string {
  throw new Error("not built yet");
}
