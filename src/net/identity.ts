import type { SecureContext } from "node:tls";
import type { Problem, SourcePosition } from "../core/problem.js";
import type { CertificateFacts } from "../x509/certificate.js";

/** A file an operator configured, or its default. */
export interface NamedFile {
  path: string;
  /** The configuration key that names it, e.g. `keylime_tls_cert_file`. */
  key: string;
  /** The key is not set, so `path` is the default. */
  isDefault: boolean;
  /** Where the key is set. */
  at?: SourcePosition;
}

/** Files of one TLS leg: the peer's CA, and what is presented. Without `cert` and `key` nothing is presented. */
export interface IdentityFiles {
  ca: NamedFile;
  cert?: NamedFile;
  key?: NamedFile;
  /** Holds the key's password; one line end is cut off. */
  keyPassword?: NamedFile;
}

/** What a connection presents and trusts. Immutable: a newer one replaces it whole. */
export interface Identity {
  /** Counts from 1 and rises with every replacement. */
  generation: number;
  files: IdentityFiles;
  /** SHA-256 over the contents of all files, lower-case hex. */
  fingerprint: string;
  /** The presented certificates in the file's order; empty when nothing is presented. */
  chain: readonly CertificateFacts[];
  /** The certificates of the CA file in its order. */
  trusted: readonly CertificateFacts[];
  /** For `tls.connect` and https agents: certificate, key and CA as one; TLS 1.2 at least. */
  secureContext: SecureContext;
}

export interface IdentityAnswer {
  /** Present when there are no problems. */
  identity?: Identity;
  /** What keeps the files from being used, all of it. */
  problems: Problem[];
  /** What deserves a log line and stops nothing, e.g. an expired certificate. */
  warnings: IdentityWarning[];
}

export interface IdentityWarning {
  level: "error" | "warn";
  problem: Problem;
}

/** Loads the files of one leg; tells everything that is wrong with them at once. Never throws. */
export function loadIdentity(files: IdentityFiles, nowMs: number): IdentityAnswer {
  void files;
  void nowMs;
  return { problems: [], warnings: [] };
}
