import { type Reader, readWhole } from "../reader.js";
import { extensionTypes } from "../tables/extension-types.js";
import { type Writer, written } from "../writer.js";

/** An extension as sent; unknown and GREASE ones stay in the list, in the order of the wire. */
export interface RawExtension {
  type: number;
  data: Buffer;
}

/** How the data of one extension, in one kind of message, is read and written. */
export interface ExtensionCodec<T> {
  type: number;
  read(reader: Reader): T;
  write(writer: Writer, value: T): void;
}

/** Extensions of a hello; one from before RFC 3546 ends where they would begin: that is an empty list. */
export function readHelloExtensions(reader: Reader): RawExtension[] {
  return reader.left === 0 ? [] : readExtensions(reader);
}

/** Extensions behind their common length. */
export function readExtensions(reader: Reader): RawExtension[] {
  return reader.vector(2, `${reader.what} extensions`).all((list) => ({
    type: list.u16(),
    data: list.vector(2).rest(),
  }));
}

export function writeExtensions(writer: Writer, extensions: readonly RawExtension[]): void {
  writer.vector(2, (list) => {
    for (const { type, data } of extensions) list.u16(type).vector(2, data);
  });
}

/** The decoded value of an extension, undefined when it was not sent; malformed data is an error. */
export function extensionValue<T>(extensions: readonly RawExtension[], codec: ExtensionCodec<T>): T | undefined {
  const found = extensions.find(({ type }) => type === codec.type);
  if (found === undefined) return undefined;
  return readWhole(found.data, `extension ${extensionTypes.name(codec.type)}`, (reader) => codec.read(reader));
}

export function hasExtension(extensions: readonly RawExtension[], { type }: { type: number }): boolean {
  return extensions.some((extension) => extension.type === type);
}

export function makeExtension<T>(codec: ExtensionCodec<T>, value: T): RawExtension {
  return { type: codec.type, data: written((writer) => codec.write(writer, value)) };
}

/** A type that occurs twice, which RFC 8446 section 4.2 forbids. */
export function repeatedExtension(extensions: readonly RawExtension[]): number | undefined {
  const seen = new Set<number>();
  for (const { type } of extensions) {
    if (seen.has(type)) return type;
    seen.add(type);
  }
  return undefined;
}
