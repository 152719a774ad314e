import { extensionTypes } from "../tables/extension-types.js";
import type { ExtensionCodec } from "./extension.js";

export interface ServerNameEntry {
  /** 0 is host_name, the only registered type. */
  type: number;
  name: Buffer;
}

/** RFC 6066 section 3. A server that used the name answers with an empty extension, which reads as no entries. */
export const serverName: ExtensionCodec<ServerNameEntry[]> = {
  type: extensionTypes.values.server_name,
  read: (reader) => {
    if (reader.left === 0) return [];
    return reader.vector(2).all((list) => ({ type: list.u8(), name: list.vector(2).rest() }));
  },
  write: (writer, entries) => {
    if (entries.length === 0) return;
    writer.vector(2, (list) => {
      for (const { type, name } of entries) list.u8(type).vector(2, name);
    });
  },
};

/** The host name in a list of entries; bytes outside ASCII print as Latin-1 and match no certificate. */
export function hostName(entries: readonly ServerNameEntry[] | undefined): string | undefined {
  return entries?.find(({ type }) => type === 0)?.name.toString("latin1");
}
