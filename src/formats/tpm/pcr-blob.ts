import { bitmapOfPcrs, maxBanks, type PcrSelection, pcrsOfBitmap, selectBytes } from "./pcr-selection.js";
import { TpmReader } from "./reader.js";

/**
 * What tpm2_quote writes with `-F values` and Keylime sends as the third part of a quote: the TSS's TPML_PCR_SELECTION
 * and TPML_DIGESTs as they lie in memory, little-endian, fixed slots (tpm2-tools 5, tools/tpm2_quote.c; keylime 7.14.3,
 * keylime/tpm/tpm_util.py). 136 bytes and 532 for every eight PCRs.
 */
export interface PcrBlob {
  selections: readonly PcrSelection[];
  /** Of all selected PCRs, bank by bank, ascending. */
  values: readonly Buffer[];
}

const slotsOfBlock = 8;
const valueBytes = 64;
/** Sixteen banks of 24 PCRs, the most a selection can hold. */
const maxBlocks = (maxBanks * 24) / slotsOfBlock;

/**
 * Throws a `Problem` (`tpm-form`) for cuts, leftovers, counts that disagree, and anything but zeros where the layout
 * has no meaning: nothing in a blob can be changed without a change of meaning or a refusal.
 */
export function readPcrBlob(bytes: Buffer): PcrBlob {
  const reader = new TpmReader(bytes, "PCR blob");
  const selections = readSelections(reader);
  const values = readValues(reader);
  reader.end();
  const selected = selections.reduce((sum, bank) => sum + bank.pcrs.length, 0);
  if (values.length !== selected) throw reader.refusal(`${selected} PCRs are selected, ${values.length} values given`);
  return { selections, values };
}

function readSelections(reader: TpmReader): PcrSelection[] {
  const count = reader.u32le("selection count");
  if (count > maxBanks) throw reader.refusal(`${count} PCR banks are selected`);
  const selections: PcrSelection[] = [];
  const unusedSizes = new Set<number>();
  for (let slot = 0; slot < maxBanks; slot++) {
    const hashId = reader.u16le("selection hash");
    const size = reader.u8("selection size");
    const bitmap = reader.take(selectBytes, "selection");
    expectZeros(reader, reader.take(2, "selection padding"), "the padding of a selection");
    if (slot < count) {
      if (size !== selectBytes) throw reader.refusal(`the selection size is ${size}, not ${selectBytes}`);
      selections.push({ hashId, pcrs: pcrsOfBitmap(bitmap) });
    } else {
      if (hashId !== 0) throw reader.refusal("an unused selection names a bank");
      expectZeros(reader, bitmap, "an unused selection");
      unusedSizes.add(size);
    }
  }
  // TSS versions leave unused slots at size 0 or 3, all alike.
  if (unusedSizes.size > 1 || [...unusedSizes].some((size) => size !== 0 && size !== selectBytes)) {
    throw reader.refusal("unused selections have impossible sizes");
  }
  return selections;
}

function readValues(reader: TpmReader): Buffer[] {
  const blocks = reader.u32le("block count");
  if (blocks > maxBlocks) throw reader.refusal(`${blocks} blocks of PCR values are announced`);
  const values: Buffer[] = [];
  for (let block = 0; block < blocks; block++) {
    const count = reader.u32le("value count");
    if (count < 1 || count > slotsOfBlock) throw reader.refusal(`a block holds ${count} values`);
    for (let slot = 0; slot < slotsOfBlock; slot++) {
      const size = reader.u16le("value size");
      const value = reader.take(valueBytes, "value");
      if (slot < count ? size < 1 || size > valueBytes : size !== 0) {
        throw reader.refusal(`a value has ${size} bytes`);
      }
      expectZeros(reader, value.subarray(size), "what follows a value");
      if (slot < count) values.push(value.subarray(0, size));
    }
  }
  return values;
}

function expectZeros(reader: TpmReader, bytes: Buffer, what: string): void {
  if (bytes.some((byte) => byte !== 0)) throw reader.refusal(`${what} is not zero`);
}

export function writePcrBlob(blob: PcrBlob): Buffer {
  const slots = Buffer.alloc(4 + maxBanks * 8);
  slots.writeUInt32LE(blob.selections.length);
  blob.selections.forEach((bank, index) => {
    slots.writeUInt16LE(bank.hashId, 4 + index * 8);
    slots.writeUInt8(selectBytes, 6 + index * 8);
    bitmapOfPcrs(bank.pcrs).copy(slots, 7 + index * 8);
  });
  const blocks: Buffer[] = [];
  for (let first = 0; first < blob.values.length; first += slotsOfBlock) {
    blocks.push(writeBlock(blob.values.slice(first, first + slotsOfBlock)));
  }
  const blockCount = Buffer.alloc(4);
  blockCount.writeUInt32LE(blocks.length);
  return Buffer.concat([slots, blockCount, ...blocks]);
}

function writeBlock(values: readonly Buffer[]): Buffer {
  const block = Buffer.alloc(4 + slotsOfBlock * (2 + valueBytes));
  block.writeUInt32LE(values.length);
  values.forEach((value, index) => {
    const at = 4 + index * (2 + valueBytes);
    block.writeUInt16LE(value.length, at);
    value.copy(block, at + 2);
  });
  return block;
}
