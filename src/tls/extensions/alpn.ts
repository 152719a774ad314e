import { extensionTypes } from "../tables/extension-types.js";
import type { ExtensionCodec } from "./extension.js";

/** RFC 7301 section 3.1: protocol names; a server answers with a list of one. Names are bytes, printed as Latin-1. */
export const alpn: ExtensionCodec<string[]> = {
  type: extensionTypes.values.application_layer_protocol_negotiation,
  read: (reader) => reader.vector(2).all((list) => list.vector(1).rest().toString("latin1")),
  write: (writer, names) =>
    writer.vector(2, (list) => {
      for (const name of names) list.vector(1, Buffer.from(name, "latin1"));
    }),
};
