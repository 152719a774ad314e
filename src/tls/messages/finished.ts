/** RFC 8446 section 4.4.4; 12 bytes in TLS 1.2, as long as the hash in TLS 1.3. */
export interface Finished {
  verifyData: Buffer;
}

export function readFinished(body: Buffer): Finished {
  return { verifyData: body };
}

export function writeFinished({ verifyData }: Finished): Buffer {
  return verifyData;
}
