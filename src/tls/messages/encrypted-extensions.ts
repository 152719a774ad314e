import { type RawExtension, readExtensions, writeExtensions } from "../extensions/extension.js";
import { readWhole } from "../reader.js";
import { written } from "../writer.js";

/** RFC 8446 section 4.3.1. */
export interface EncryptedExtensions {
  extensions: RawExtension[];
}

export function readEncryptedExtensions(body: Buffer): EncryptedExtensions {
  return readWhole(body, "EncryptedExtensions", (reader) => ({ extensions: readExtensions(reader) }));
}

export function writeEncryptedExtensions({ extensions }: EncryptedExtensions): Buffer {
  return written((writer) => writeExtensions(writer, extensions));
}
