import type { KeyObject } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import type { HashName } from "../../formats/tpm/algorithms.js";

export type TpmKeyKind = "rsa2048" | "ecc256";

export interface SoftwareTpmOptions {
  /** Endorsement key; `rsa2048` when not given. */
  ek?: TpmKeyKind;
  /** Attestation key; `rsa2048` when not given. */
  ak?: TpmKeyKind;
  /** The hash of the attestation key's scheme: what its signatures use. `sha256` when not given. */
  akHash?: HashName;
  clock?: Clock;
}

export interface QuoteOrder {
  /** At most 64 bytes; text is taken as UTF-8. */
  nonce: string | Buffer;
  /** Bit n selects PCR n; 0 selects none. */
  pcrMask: number;
  /** Bank to quote; the attestation key's hash when not given. */
  hashAlg?: HashName;
}

/** A TPM for laboratories: keys in memory, PCR banks, quotes and credentials that real Keylime accepts. */
export declare class SoftwareTpm {
  static create(options?: SoftwareTpmOptions): Promise<SoftwareTpm>;
  /** Reads what `save` wrote: same keys, PCRs and counts, and a clock that went on. */
  static load(file: string, clock?: Clock): Promise<SoftwareTpm>;
  /** Writes the whole state, private keys included, mode 0600: for laboratories only. */
  save(file: string): Promise<void>;

  /** TPM2B_PUBLIC. */
  readonly ekPublic: Buffer;
  readonly akPublic: Buffer;
  readonly akName: Buffer;
  readonly ekPublicKey: KeyObject;
  readonly akPublicKey: KeyObject;
  readonly ekKind: TpmKeyKind;
  readonly akKind: TpmKeyKind;
  readonly akHash: HashName;
  readonly signAlg: "rsassa" | "ecdsa";
  /** DER, issued by whoever plays the TPM's maker; undefined for a TPM without one. */
  ekCertificate: Buffer | undefined;

  /** The quote string of the Keylime agent API. */
  quote(order: QuoteOrder): string;
  readPcr(pcr: number, hashAlg?: HashName): Buffer;
  /** Extends one bank with a digest of that bank's size. */
  extend(pcr: number, digest: Buffer, hashAlg?: HashName): void;
  /** Only 16 and 23 can be reset without a locality. */
  resetPcr(pcr: number): void;
  /** Recovers the challenge of `makeCredential`; throws a `Problem` (`tpm-credential`) when it was made for others. */
  activateCredential(blob: Buffer, akName?: Buffer): Buffer;
  /** A TPM reset: PCRs start over, resetCount rises, restartCount is zero, the clock goes on. */
  reboot(): void;
}
