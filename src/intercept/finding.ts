import type { X509Certificate } from "node:crypto";

export interface Finding {
  id: string;
  message: string;
  hint: string | null;
}

/** What a connection is judged by, besides what it showed. */
export interface ConnectionView {
  /** `--client-ca`: what the server in whose place we stand trusts; undefined when nobody said. */
  clientCa: { file: string; anchors: readonly X509Certificate[] } | undefined;
  /** CAs that the request named, as text. */
  requestedNames: readonly string[];
  nowMs: number;
}
