import { type RawExtension, readExtensions, writeExtensions } from "../extensions/extension.js";
import { readWhole } from "../reader.js";
import { written } from "../writer.js";

export interface CertificateEntry {
  /** DER, as sent; nothing is known about it yet. */
  certificate: Buffer;
  /** TLS 1.3 only. */
  extensions: RawExtension[];
}

/** What a side presents, leaf first; an empty list says "none" (RFC 8446 section 4.4.2, RFC 5246 section 7.4.2). */
export interface CertificateMessage {
  /** Echoes the request's; always empty in TLS 1.2. */
  context: Buffer;
  entries: CertificateEntry[];
}

export function readCertificate13(body: Buffer): CertificateMessage {
  return readWhole(body, "Certificate", (reader) => ({
    context: reader.vector(1).rest(),
    entries: reader.vector(3).all((list) => ({
      certificate: list.vector(3).rest(),
      extensions: readExtensions(list),
    })),
  }));
}

export function readCertificate12(body: Buffer): CertificateMessage {
  return readWhole(body, "Certificate", (reader) => ({
    context: Buffer.alloc(0),
    entries: reader.vector(3).all((list) => ({ certificate: list.vector(3).rest(), extensions: [] })),
  }));
}

export function writeCertificate13({ context, entries }: CertificateMessage): Buffer {
  return written((writer) =>
    writer.vector(1, context).vector(3, (list) => {
      for (const { certificate, extensions } of entries) writeExtensions(list.vector(3, certificate), extensions);
    }),
  );
}

export function writeCertificate12({ entries }: Pick<CertificateMessage, "entries">): Buffer {
  return written((writer) =>
    writer.vector(3, (list) => {
      for (const { certificate } of entries) list.vector(3, certificate);
    }),
  );
}
