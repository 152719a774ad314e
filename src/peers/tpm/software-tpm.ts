import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPair,
  type KeyObject,
  privateDecrypt,
  sign,
} from "node:crypto";
import { promisify } from "node:util";
import { type Clock, systemClock } from "../../core/clock.js";
import { errorText, Problem } from "../../core/problem.js";
import { algorithmIds, digestSize, type HashName } from "../../formats/tpm/algorithms.js";
import { writeQuoteAttest } from "../../formats/tpm/attest.js";
import { protectionParametersOf, readCredentialFile, unwrapCredential } from "../../formats/tpm/credential.js";
import { kdfe } from "../../formats/tpm/kdf.js";
import { writePcrBlob } from "../../formats/tpm/pcr-blob.js";
import { type EccPublicArea, keyName, readPublicArea } from "../../formats/tpm/public-area.js";
import { publicKeyOf } from "../../formats/tpm/public-key.js";
import { TpmReader } from "../../formats/tpm/reader.js";
import { type TpmSignature, writeSignature } from "../../formats/tpm/signature.js";
import { u16 } from "../../formats/tpm/writer.js";
import { akPublicOf, ekPublicOf } from "./key-templates.js";
import { identityLabel, identityOaep } from "./make-credential.js";
import { PcrBanks, pcrCount } from "./pcr-banks.js";
import { loadTpmState, saveTpmState, stateFormat, type TpmState } from "./tpm-state.js";

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

const maxNonceBytes = 64;
/** Any value will do: nobody judges it. This one is libtpms' way of writing a date. */
const firmwareVersion = 0x2019102300163636n;

/**
 * A TPM for laboratories: keys in memory, PCR banks, quotes and credentials that Keylime 7.14.3 accepts. The clock and
 * its counts follow a real TPM's rules (TPM 2.0 Part 1, section 36), so that periodic attestation goes on over restarts.
 */
export class SoftwareTpm {
  readonly ekPublicKey: KeyObject;
  readonly akPublicKey: KeyObject;
  /** TPM2B_PUBLIC. */
  readonly ekPublic: Buffer;
  /** TPM2B_PUBLIC. */
  readonly akPublic: Buffer;
  readonly akName: Buffer;
  readonly akHash: HashName;
  /** DER, issued by whoever plays the TPM's maker; undefined for a TPM without one. */
  ekCertificate: Buffer | undefined;
  readonly #ek: KeyObject;
  readonly #ak: KeyObject;
  readonly #pcrs: PcrBanks;
  readonly #clock: Clock;
  readonly #clockZeroUnixMs: number;
  #lastClockMs: number;
  #resetCount: number;
  #restartCount: number;

  private constructor(state: TpmState, clock: Clock) {
    this.#ek = createPrivateKey(state.ekPrivatePem);
    this.#ak = createPrivateKey(state.akPrivatePem);
    this.ekPublicKey = createPublicKey(this.#ek);
    this.akPublicKey = createPublicKey(this.#ak);
    this.akHash = state.akHash;
    this.ekPublic = ekPublicOf(this.ekPublicKey);
    this.akPublic = akPublicOf(this.akPublicKey, this.akHash);
    this.akName = keyName(this.akPublic);
    this.ekCertificate = state.ekCertificate === undefined ? undefined : Buffer.from(state.ekCertificate, "base64");
    this.#pcrs = new PcrBanks(state.pcrs);
    this.#clock = clock;
    this.#clockZeroUnixMs = state.clockZeroUnixMs;
    this.#lastClockMs = state.lastClockMs;
    this.#resetCount = state.resetCount;
    this.#restartCount = state.restartCount;
  }

  static async create(options: SoftwareTpmOptions = {}): Promise<SoftwareTpm> {
    const { ek = "rsa2048", ak = "rsa2048", akHash = "sha256", clock = systemClock } = options;
    const [ekPrivatePem, akPrivatePem] = await Promise.all([createKey(ek), createKey(ak)]);
    const counts = { clockZeroUnixMs: clock.nowMs(), lastClockMs: 0, resetCount: 1, restartCount: 0 };
    const pcrs = new PcrBanks().state();
    return new SoftwareTpm({ format: stateFormat, ekPrivatePem, akPrivatePem, akHash, ...counts, pcrs }, clock);
  }

  /** Reads what `save` wrote: same keys, PCRs and counts, and a clock that went on. Throws a `Problem` (`tpm-state`). */
  static async load(file: string, clock: Clock = systemClock): Promise<SoftwareTpm> {
    const state = await loadTpmState(file);
    try {
      return new SoftwareTpm(state, clock);
    } catch (cause) {
      const why = errorText(cause);
      throw new Problem("tpm-state", `cannot load the software TPM's state "${file}": ${why}`, {
        culprit: "configuration",
      });
    }
  }

  /** Writes the whole state, private keys included, mode 0600: for laboratories only. */
  async save(file: string): Promise<void> {
    await saveTpmState(file, {
      format: stateFormat,
      ekPrivatePem: privatePem(this.#ek),
      akPrivatePem: privatePem(this.#ak),
      akHash: this.akHash,
      ...(this.ekCertificate === undefined ? {} : { ekCertificate: this.ekCertificate.toString("base64") }),
      clockZeroUnixMs: this.#clockZeroUnixMs,
      lastClockMs: this.#lastClockMs,
      resetCount: this.#resetCount,
      restartCount: this.#restartCount,
      pcrs: this.#pcrs.state(),
    });
  }

  get ekKind(): TpmKeyKind {
    return kindOf(this.#ek);
  }

  get akKind(): TpmKeyKind {
    return kindOf(this.#ak);
  }

  get signAlg(): "rsassa" | "ecdsa" {
    return this.akKind === "rsa2048" ? "rsassa" : "ecdsa";
  }

  /** The quote string of the Keylime agent API. Throws a `Problem` (`tpm-quote`) for a mask or nonce a TPM refuses. */
  quote({ nonce, pcrMask, hashAlg = this.akHash }: QuoteOrder): string {
    const extraData = Buffer.from(nonce);
    if (extraData.length > maxNonceBytes) throw quoteProblem(`the nonce has more than ${maxNonceBytes} bytes`);
    const pcrs = pcrsOfMask(pcrMask);
    const values = pcrs.map((pcr) => this.#pcrs.read(pcr, hashAlg));
    const selections = [{ hashId: algorithmIds[hashAlg], pcrs }];
    const attest = writeQuoteAttest({
      qualifiedSigner: this.#qualifiedName(),
      extraData,
      clock: this.#tick(),
      firmwareVersion,
      selections,
      // The digest is the signing scheme's, whatever bank is quoted (TPM 2.0 Part 3, section 18.4).
      pcrDigest: createHash(this.akHash).update(Buffer.concat(values)).digest(),
    });
    const parts = [attest, writeSignature(this.#sign(attest)), writePcrBlob({ selections, values })];
    return `r${parts.map((part) => part.toString("base64")).join(":")}`;
  }

  readPcr(pcr: number, hashAlg: HashName = this.akHash): Buffer {
    return this.#pcrs.read(pcr, hashAlg);
  }

  /** Extends one bank with a digest of that bank's size. Throws a `Problem` (`tpm-pcr`). */
  extend(pcr: number, digest: Buffer, hashAlg: HashName = this.akHash): void {
    this.#pcrs.extend(pcr, digest, hashAlg);
  }

  /** Resets a PCR in all banks; only 16 and 23 can be. Throws a `Problem` (`tpm-pcr`). */
  resetPcr(pcr: number): void {
    this.#pcrs.reset(pcr);
  }

  /** A TPM reset: PCRs start over, resetCount rises, restartCount is zero, the clock goes on. */
  reboot(): void {
    this.#pcrs.restart();
    this.#resetCount++;
    this.#restartCount = 0;
  }

  /**
   * Recovers the challenge of a credential file (`makeCredential`). Throws a `Problem`: `tpm-form` for a file that
   * cannot be read, `tpm-credential` when it was made for another endorsement key or another name.
   */
  activateCredential(blob: Buffer, akName: Buffer = this.akName): Buffer {
    const { idObject, encryptedSeed } = readCredentialFile(blob);
    const how = protectionParametersOf(readPublicArea(this.ekPublic));
    const seed =
      this.ekKind === "rsa2048" ? this.#rsaSeed(encryptedSeed, how.hash) : this.#eccSeed(encryptedSeed, how.hash);
    return unwrapCredential(how, seed, akName, idObject);
  }

  #rsaSeed(encryptedSeed: Buffer, hash: HashName): Buffer {
    try {
      return privateDecrypt({ key: this.#ek, ...identityOaep(hash) }, encryptedSeed);
    } catch (cause) {
      throw foreignCredential(cause);
    }
  }

  #eccSeed(encryptedSeed: Buffer, hash: HashName): Buffer {
    const reader = new TpmReader(encryptedSeed, "TPMS_ECC_POINT");
    const x = reader.sized("x");
    const y = reader.sized("y");
    reader.end();
    const own = readPublicArea(this.ekPublic) as EccPublicArea;
    try {
      const z = diffieHellman({ privateKey: this.#ek, publicKey: publicKeyOf({ ...own, x, y }) });
      return kdfe(hash, z, identityLabel, x, own.x, digestSize(hash) * 8);
    } catch (cause) {
      throw foreignCredential(cause);
    }
  }

  /** Of a primary key in the endorsement hierarchy: TPM 2.0 Part 1, section 16 (TPM_RH_ENDORSEMENT, then each Name). */
  #qualifiedName(): Buffer {
    const hash = (...parts: Buffer[]) => {
      const digest = createHash("sha256").update(Buffer.concat(parts)).digest();
      return Buffer.concat([u16(algorithmIds.sha256), digest]);
    };
    const endorsement = Buffer.from("4000000b", "hex");
    return hash(hash(endorsement, keyName(this.ekPublic)), this.akName);
  }

  #sign(attest: Buffer): TpmSignature {
    const hashId = algorithmIds[this.akHash];
    if (this.signAlg === "rsassa") return { scheme: "rsassa", hashId, signature: sign(this.akHash, attest, this.#ak) };
    const both = sign(this.akHash, attest, { key: this.#ak, dsaEncoding: "ieee-p1363" });
    const half = both.length / 2;
    return { scheme: "ecdsa", hashId, r: both.subarray(0, half), s: both.subarray(half) };
  }

  /** Never the same clock twice: a verifier demands that it rises, also within one millisecond. */
  #tick() {
    this.#lastClockMs = Math.max(this.#lastClockMs + 1, this.#clock.nowMs() - this.#clockZeroUnixMs);
    const clockMs = BigInt(this.#lastClockMs);
    return { clockMs, resetCount: this.#resetCount, restartCount: this.#restartCount, safe: true };
  }
}

const generate = promisify(generateKeyPair);

async function createKey(kind: TpmKeyKind): Promise<string> {
  const pair =
    kind === "rsa2048" ? await generate("rsa", { modulusLength: 2048 }) : await generate("ec", { namedCurve: "P-256" });
  return privatePem(pair.privateKey);
}

function privatePem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function kindOf(key: KeyObject): TpmKeyKind {
  return key.asymmetricKeyType === "rsa" ? "rsa2048" : "ecc256";
}

function pcrsOfMask(mask: number): number[] {
  if (!Number.isInteger(mask) || mask < 0 || mask >= 2 ** pcrCount) {
    throw quoteProblem(`the mask selects PCRs beyond ${pcrCount - 1}`);
  }
  return Array.from({ length: pcrCount }, (_, pcr) => pcr).filter((pcr) => (mask & (1 << pcr)) !== 0);
}

function quoteProblem(why: string): Problem {
  return new Problem("tpm-quote", `cannot quote: ${why}`, { culprit: "usage" });
}

function foreignCredential(cause: unknown): Problem {
  const message = "cannot activate the credential: its seed was not encrypted to this endorsement key";
  return new Problem("tpm-credential", message, { culprit: "peer", cause });
}
