import { extensionValue, type RawExtension, readHelloExtensions, writeExtensions } from "../extensions/extension.js";
import { offeredVersions } from "../extensions/number-list.js";
import { readWhole } from "../reader.js";
import { written } from "../writer.js";

/** RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2. */
export interface ClientHello {
  legacyVersion: number;
  /** 32 bytes. */
  random: Buffer;
  sessionId: Buffer;
  cipherSuites: number[];
  compressionMethods: number[];
  extensions: RawExtension[];
}

export function readClientHello(body: Buffer): ClientHello {
  return readWhole(body, "ClientHello", (reader) => ({
    legacyVersion: reader.u16(),
    random: reader.take(32),
    sessionId: reader.vector(1).rest(),
    cipherSuites: reader.vector(2).all((list) => list.u16()),
    compressionMethods: reader.vector(1).all((list) => list.u8()),
    extensions: readHelloExtensions(reader),
  }));
}

export function writeClientHello(hello: ClientHello): Buffer {
  return written((writer) => {
    writer.u16(hello.legacyVersion).bytes(hello.random).vector(1, hello.sessionId);
    writer.vector(2, (list) => {
      for (const suite of hello.cipherSuites) list.u16(suite);
    });
    writer.vector(1, Buffer.from(hello.compressionMethods));
    if (hello.extensions.length > 0) writeExtensions(writer, hello.extensions);
  });
}

/** Versions the client offers, in its order; before TLS 1.3 a client names just the highest. */
export function clientVersions(hello: ClientHello): number[] {
  return extensionValue(hello.extensions, offeredVersions) ?? [hello.legacyVersion];
}
