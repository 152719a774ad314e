import type { TpmReader } from "./reader.js";
import { u8, u16, u32 } from "./writer.js";

/** One bank of a selection; PCR numbers ascend, all below 24. */
export interface PcrSelection {
  hashId: number;
  pcrs: readonly number[];
}

/** TPM 2.0 for PCs has 24 PCRs, so a bitmap has three bytes. */
export const selectBytes = 3;

/** More banks than a TPM has hash algorithms (HASH_COUNT of the TSS); bounds what a hostile count can ask for. */
export const maxBanks = 16;

export function pcrsOfBitmap(bitmap: Buffer): number[] {
  const pcrs: number[] = [];
  for (let pcr = 0; pcr < bitmap.length * 8; pcr++) {
    if (((bitmap[pcr >> 3]! >> (pcr & 7)) & 1) === 1) pcrs.push(pcr);
  }
  return pcrs;
}

export function bitmapOfPcrs(pcrs: readonly number[]): Buffer {
  const bitmap = Buffer.alloc(selectBytes);
  for (const pcr of pcrs) bitmap[pcr >> 3] = bitmap[pcr >> 3]! | (1 << (pcr & 7));
  return bitmap;
}

/** TPML_PCR_SELECTION (TPM 2.0 Part 2, section 10.9.7). */
export function readPcrSelections(reader: TpmReader): PcrSelection[] {
  const count = reader.u32("pcrSelect count");
  if (count > maxBanks) throw reader.refusal(`${count} PCR banks are selected`);
  return Array.from({ length: count }, () => {
    const hashId = reader.u16("pcrSelect hash");
    const size = reader.u8("sizeofSelect");
    if (size !== selectBytes) throw reader.refusal(`sizeofSelect is ${size}, not ${selectBytes}`);
    return { hashId, pcrs: pcrsOfBitmap(reader.take(size, "pcrSelect")) };
  });
}

export function writePcrSelections(selections: readonly PcrSelection[]): Buffer {
  const banks = selections.map((bank) => [u16(bank.hashId), u8(selectBytes), bitmapOfPcrs(bank.pcrs)]);
  return Buffer.concat([u32(selections.length), ...banks.flat()]);
}
