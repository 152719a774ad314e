import { readWhole } from "../reader.js";
import { written } from "../writer.js";

/** Proof that the sender holds its certificate's key (RFC 8446 section 4.4.3; the same form in TLS 1.2). */
export interface CertificateVerify {
  /** A number of the SignatureScheme registry. */
  scheme: number;
  signature: Buffer;
}

export function readCertificateVerify(body: Buffer): CertificateVerify {
  return readWhole(body, "CertificateVerify", (reader) => ({
    scheme: reader.u16(),
    signature: reader.vector(2).rest(),
  }));
}

export function writeCertificateVerify({ scheme, signature }: CertificateVerify): Buffer {
  return written((writer) => writer.u16(scheme).vector(2, signature));
}

/** What is signed in TLS 1.3: 64 spaces, the side's context string, a zero byte, the transcript hash. */
export function certificateVerifyContent(side: "client" | "server", transcriptHash: Buffer): Buffer {
  return Buffer.concat([
    Buffer.alloc(64, 0x20),
    Buffer.from(`TLS 1.3, ${side} CertificateVerify\0`, "latin1"),
    transcriptHash,
  ]);
}
