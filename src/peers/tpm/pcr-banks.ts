import { createHash } from "node:crypto";
import { Problem } from "../../core/problem.js";
import { digestSize, type HashName, hashNames } from "../../formats/tpm/algorithms.js";

export const pcrCount = 24;

/** PCRs by bank, hex, as they stand in a state file. */
export type PcrBankState = Record<HashName, string[]>;

/** The PCRs of a PC client TPM: four banks of 24. */
export class PcrBanks {
  readonly #banks: Record<HashName, Buffer[]>;

  constructor(state?: PcrBankState) {
    this.#banks = perHash((hash) => state?.[hash].map((hex) => Buffer.from(hex, "hex")) ?? startValues(hash));
  }

  read(pcr: number, hash: HashName): Buffer {
    return Buffer.from(this.#banks[hash][checkedPcr(pcr)]!);
  }

  extend(pcr: number, digest: Buffer, hash: HashName): void {
    if (digest.length !== digestSize(hash)) {
      const sizes = `${digest.length} bytes, its bank ${hash} needs ${digestSize(hash)}`;
      throw new Problem("tpm-pcr", `cannot extend PCR ${pcr}: the digest has ${sizes}`, { culprit: "usage" });
    }
    const old = this.#banks[hash][checkedPcr(pcr)]!;
    this.#banks[hash][pcr] = createHash(hash).update(old).update(digest).digest();
  }

  /** Resets a PCR in all banks. Only 16 and 23 can be reset from the operating system's locality. */
  reset(pcr: number): void {
    if (pcr !== 16 && pcr !== 23) {
      throw new Problem("tpm-pcr", `cannot reset PCR ${pcr}: only 16 and 23 can be`, { culprit: "usage" });
    }
    for (const hash of hashNames) this.#banks[hash][pcr] = Buffer.alloc(digestSize(hash));
  }

  restart(): void {
    for (const hash of hashNames) this.#banks[hash] = startValues(hash);
  }

  state(): PcrBankState {
    return perHash((hash) => this.#banks[hash].map((value) => value.toString("hex")));
  }
}

function perHash<T>(make: (hash: HashName) => T): Record<HashName, T> {
  return Object.fromEntries(hashNames.map((hash) => [hash, make(hash)])) as Record<HashName, T>;
}

/** 17 to 22 belong to a dynamic launch that has not happened: all ones (TCG PC Client Platform TPM Profile, 4.6.2). */
function startValues(hash: HashName): Buffer[] {
  return Array.from({ length: pcrCount }, (_, pcr) =>
    Buffer.alloc(digestSize(hash), pcr >= 17 && pcr <= 22 ? 0xff : 0),
  );
}

function checkedPcr(pcr: number): number {
  if (Number.isInteger(pcr) && pcr >= 0 && pcr < pcrCount) return pcr;
  throw new Problem("tpm-pcr", `cannot use PCR ${pcr}: there are PCRs 0 to ${pcrCount - 1}`, { culprit: "usage" });
}
