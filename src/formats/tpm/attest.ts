import { Problem } from "../../core/problem.js";
import { type PcrSelection, readPcrSelections, writePcrSelections } from "./pcr-selection.js";
import { TpmReader } from "./reader.js";
import { sized, u8, u16, u32, u64 } from "./writer.js";

/** TPM_GENERATED_VALUE: only a TPM signs structures that start with it (TPM 2.0 Part 2, section 6.2). */
const generatedMagic = 0xff544347;

/** TPM_ST_ATTEST_QUOTE (section 6.9). */
const attestQuoteType = 0x8018;

/** TPMS_CLOCK_INFO (section 10.11.1). */
export interface ClockInfo {
  clockMs: bigint;
  resetCount: number;
  restartCount: number;
  safe: boolean;
}

/** TPMS_ATTEST that holds a TPMS_QUOTE_INFO (sections 10.12.1 and 10.12.12). */
export interface QuoteAttest {
  qualifiedSigner: Buffer;
  extraData: Buffer;
  clock: ClockInfo;
  firmwareVersion: bigint;
  selections: readonly PcrSelection[];
  pcrDigest: Buffer;
}

/**
 * Reads the TPMS_ATTEST of a quote. Throws a `Problem`: `tpm-attest-magic` when no TPM made it, `tpm-attest-type` when
 * it attests something else, `tpm-form` when it is cut, too long or holds impossible values.
 */
export function readQuoteAttest(bytes: Buffer): QuoteAttest {
  const reader = new TpmReader(bytes, "TPMS_ATTEST");
  expectWord(reader.u32("magic"), generatedMagic, "tpm-attest-magic", "magic");
  expectWord(reader.u16("type"), attestQuoteType, "tpm-attest-type", "type");
  const attest: QuoteAttest = {
    qualifiedSigner: reader.sized("qualifiedSigner"),
    extraData: reader.sized("extraData"),
    clock: readClock(reader),
    firmwareVersion: reader.u64("firmwareVersion"),
    selections: readPcrSelections(reader),
    pcrDigest: reader.sized("pcrDigest"),
  };
  reader.end();
  return attest;
}

function expectWord(found: number, expected: number, code: string, field: string): void {
  if (found === expected) return;
  throw new Problem(
    code,
    `cannot read TPMS_ATTEST as a quote: its ${field} is 0x${found.toString(16)}, not 0x${expected.toString(16)}`,
    { culprit: "peer" },
  );
}

function readClock(reader: TpmReader): ClockInfo {
  const clockMs = reader.u64("clock");
  const resetCount = reader.u32("resetCount");
  const restartCount = reader.u32("restartCount");
  const safe = reader.u8("safe");
  if (safe > 1) throw reader.refusal(`safe is ${safe}, neither 0 nor 1`);
  return { clockMs, resetCount, restartCount, safe: safe === 1 };
}

export function writeQuoteAttest(attest: QuoteAttest): Buffer {
  return Buffer.concat([
    u32(generatedMagic),
    u16(attestQuoteType),
    sized(attest.qualifiedSigner),
    sized(attest.extraData),
    u64(attest.clock.clockMs),
    u32(attest.clock.resetCount),
    u32(attest.clock.restartCount),
    u8(attest.clock.safe ? 1 : 0),
    u64(attest.firmwareVersion),
    writePcrSelections(attest.selections),
    sized(attest.pcrDigest),
  ]);
}
