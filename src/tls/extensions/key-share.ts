import type { Reader } from "../reader.js";
import { extensionTypes } from "../tables/extension-types.js";
import type { Writer } from "../writer.js";
import type { ExtensionCodec } from "./extension.js";

/** RFC 8446 section 4.2.8. */
export interface KeyShare {
  group: number;
  key: Buffer;
}

const type = extensionTypes.values.key_share;

export const clientKeyShares: ExtensionCodec<KeyShare[]> = {
  type,
  read: (reader) => reader.vector(2).all(readKeyShare),
  write: (writer, shares) =>
    writer.vector(2, (list) => {
      for (const share of shares) writeKeyShare(list, share);
    }),
};

export const serverKeyShare: ExtensionCodec<KeyShare> = { type, read: readKeyShare, write: writeKeyShare };

/** The group a HelloRetryRequest asks for. */
export const retryGroup: ExtensionCodec<number> = {
  type,
  read: (reader) => reader.u16(),
  write: (writer, group) => writer.u16(group),
};

function readKeyShare(reader: Reader): KeyShare {
  return { group: reader.u16(), key: reader.vector(2).rest() };
}

function writeKeyShare(writer: Writer, { group, key }: KeyShare): void {
  writer.u16(group).vector(2, key);
}
