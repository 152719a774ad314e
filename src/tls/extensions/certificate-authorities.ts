import type { Reader } from "../reader.js";
import { extensionTypes } from "../tables/extension-types.js";
import type { Writer } from "../writer.js";
import type { ExtensionCodec } from "./extension.js";

/** DER of X.501 names, as both this extension (RFC 8446 section 4.2.4) and TLS 1.2's CertificateRequest list them. */
export function readNames(reader: Reader): Buffer[] {
  return reader.vector(2).all((list) => list.vector(2).rest());
}

export function writeNames(writer: Writer, names: readonly Buffer[]): void {
  writer.vector(2, (list) => {
    for (const name of names) list.vector(2, name);
  });
}

export const certificateAuthorities: ExtensionCodec<Buffer[]> = {
  type: extensionTypes.values.certificate_authorities,
  read: readNames,
  write: writeNames,
};
