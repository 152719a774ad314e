import { extensionValue, type RawExtension, readHelloExtensions, writeExtensions } from "../extensions/extension.js";
import { selectedVersion } from "../extensions/number-list.js";
import { readWhole } from "../reader.js";
import { written } from "../writer.js";

/** RFC 8446 section 4.1.3, RFC 5246 section 7.4.1.3. A HelloRetryRequest has the same form and a fixed random. */
export interface ServerHello {
  legacyVersion: number;
  random: Buffer;
  sessionId: Buffer;
  cipherSuite: number;
  compressionMethod: number;
  extensions: RawExtension[];
}

/** SHA-256 of "HelloRetryRequest" (RFC 8446 section 4.1.3). */
export const helloRetryRandom = Buffer.from("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c", "hex");

export function readServerHello(body: Buffer): ServerHello {
  return readWhole(body, "ServerHello", (reader) => ({
    legacyVersion: reader.u16(),
    random: reader.take(32),
    sessionId: reader.vector(1).rest(),
    cipherSuite: reader.u16(),
    compressionMethod: reader.u8(),
    extensions: readHelloExtensions(reader),
  }));
}

export function writeServerHello(hello: ServerHello): Buffer {
  return written((writer) => {
    writer.u16(hello.legacyVersion).bytes(hello.random).vector(1, hello.sessionId);
    writer.u16(hello.cipherSuite).u8(hello.compressionMethod);
    if (hello.extensions.length > 0) writeExtensions(writer, hello.extensions);
  });
}

export function isHelloRetryRequest(hello: ServerHello): boolean {
  return hello.random.equals(helloRetryRandom);
}

/** The version both sides go on with. */
export function negotiatedVersion(hello: ServerHello): number {
  return extensionValue(hello.extensions, selectedVersion) ?? hello.legacyVersion;
}
