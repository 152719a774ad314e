import { certificateAuthorities, readNames, writeNames } from "../extensions/certificate-authorities.js";
import { extensionValue, type RawExtension, readExtensions, writeExtensions } from "../extensions/extension.js";
import { signatureAlgorithms } from "../extensions/number-list.js";
import { readWhole } from "../reader.js";
import { written } from "../writer.js";

/** What a server asks of a client certificate, in either version. */
export interface CertificateRequest {
  /** Empty in a handshake; names a request made after it (RFC 8446 section 4.3.2). Always empty in TLS 1.2. */
  context: Buffer;
  /** TLS 1.2 only (RFC 5246 section 7.4.4). */
  certificateTypes: number[];
  signatureAlgorithms: number[];
  /** DER names of CAs the server accepts; an empty list restricts nothing. */
  authorities: Buffer[];
  /** TLS 1.3 only: all of them, those decoded above included. */
  extensions: RawExtension[];
}

export function readCertificateRequest13(body: Buffer): CertificateRequest {
  return readWhole(body, "CertificateRequest", (reader) => {
    const context = reader.vector(1).rest();
    const extensions = readExtensions(reader);
    return {
      context,
      certificateTypes: [],
      signatureAlgorithms: extensionValue(extensions, signatureAlgorithms) ?? [],
      authorities: extensionValue(extensions, certificateAuthorities) ?? [],
      extensions,
    };
  });
}

export function readCertificateRequest12(body: Buffer): CertificateRequest {
  return readWhole(body, "CertificateRequest", (reader) => ({
    context: Buffer.alloc(0),
    certificateTypes: reader.vector(1).all((list) => list.u8()),
    signatureAlgorithms: reader.vector(2).all((list) => list.u16()),
    authorities: readNames(reader),
    extensions: [],
  }));
}

/** Writes context and extensions; the decoded lists beside them are not looked at. */
export function writeCertificateRequest13({
  context,
  extensions,
}: Pick<CertificateRequest, "context" | "extensions">): Buffer {
  return written((writer) => writeExtensions(writer.vector(1, context), extensions));
}

export function writeCertificateRequest12(request: Omit<CertificateRequest, "context" | "extensions">): Buffer {
  return written((writer) => {
    writer.vector(1, Buffer.from(request.certificateTypes));
    writer.vector(2, (list) => {
      for (const scheme of request.signatureAlgorithms) list.u16(scheme);
    });
    writeNames(writer, request.authorities);
  });
}
