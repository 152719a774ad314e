import type { X509Certificate } from "node:crypto";

export type Purpose = "client" | "server";

export interface TrustQuestion {
  /** What the peer presents, leaf first. */
  chain: readonly (X509Certificate | Buffer)[];
  /** The trust file of the judging side. */
  anchors: readonly (X509Certificate | Buffer)[];
  /** Certificates the judging side has besides, to complete chains with. */
  untrusted?: readonly (X509Certificate | Buffer)[];
  /** What the leaf is used for. */
  purpose: Purpose;
  /** The name or address a client wants its server's leaf to carry; no name is checked without. */
  serverName?: string;
  nowMs: number;
}

export type TrustVerdict =
  | {
      ok: true;
      /** Leaf first, anchor last. */
      path: X509Certificate[];
    }
  | {
      ok: false;
      error: TrustError;
      /** Position of the certificate in the path as far as it was built; 0 is the leaf. */
      depth: number;
      certificate: X509Certificate | undefined;
      /** The TLS alert a server of this library sends for it. */
      alert: number;
    };

export interface TrustError {
  /** OpenSSL's X509_V_ERR number; 0 where the library has no numbers. */
  number: number;
  /** The library's own name: `UNABLE_TO_GET_ISSUER_CERT_LOCALLY` as Node's codes, `UnknownAuthorityError` as Go's types. */
  name: string;
  /** The text its tools print. */
  text: string;
}
