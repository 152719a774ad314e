import type { HashName } from "./algorithms.js";

/** One bank of a PCR selection; PCR numbers ascend. */
export interface PcrSelection {
  hashId: number;
  pcrs: readonly number[];
}

/** TPMS_CLOCK_INFO (Part 2, section 10.11.1). */
export interface ClockInfo {
  clockMs: bigint;
  resetCount: number;
  restartCount: number;
  safe: boolean;
}

/** TPMS_ATTEST of a quote (Part 2, section 10.12.12). */
export interface QuoteAttest {
  qualifiedSigner: Buffer;
  extraData: Buffer;
  clock: ClockInfo;
  firmwareVersion: bigint;
  selections: readonly PcrSelection[];
  pcrDigest: Buffer;
}

export type { HashName };
