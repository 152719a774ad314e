import type { SourcePosition } from "../../../core/problem.js";
import type { CertificateFacts } from "../../../x509/certificate.js";
import type { Fact } from "../fact.js";

/** A program of the set-up that reads files. */
export type ReaderId = "server-plugin" | "agent-plugin" | "verifier" | "registrar" | "tenant" | "keylime-agent";

/** What a reader takes a file for. */
export type FileRole = "certificate" | "key" | "ca" | "password" | "executable";

/** A mutual-TLS connection of the set-up, client first. */
export const legIds = [
  "plugin->verifier",
  "plugin->registrar",
  "agent-plugin->agent",
  "verifier->agent",
  "tenant->verifier",
  "tenant->registrar",
  "push-agent->verifier",
] as const;
export type LegId = (typeof legIds)[number];

/** One reader's interest in a file: which option names it, or whose default it is. */
export interface FileUse {
  reader: ReaderId;
  role: FileRole;
  /** The legs that the file is for; of an executable none. */
  legs: readonly LegId[];
  /** Which end of these legs the reader is; a CA file judges the other end. */
  end: "client" | "server";
  /** Absolute, as the examined machine names it. */
  path: string;
  /** The option as the reader knows it: `keylime_tls_cert_file`, `server_cert`. */
  key: string;
  /** The option is not set, so the path is its default. */
  isDefault: boolean;
  /** Where the option is set. */
  at?: SourcePosition;
  /** Of a key: the reader is told a password for it. */
  hasPassword?: boolean;
  /** The reader makes the file itself when it is not there (Keylime's `tls_dir = generate`, the agent's own certificate). */
  isMadeByReader?: boolean;
  /** Of a key: why this reader takes PKCS#8 alone. */
  pkcs8Only?: string;
}

/** A file that somebody reads. */
export interface FileFacts {
  path: string;
  uses: readonly FileUse[];
  /** Unknown when this program may not look, or when a copied machine proves nothing about it. */
  state: Fact<FileState>;
  /** Of a regular file. */
  content: Fact<FileContent>;
  /** One for each reader. */
  readers: readonly ReaderAccess[];
  /** What keeps a user away who is neither owner nor in any group: nothing means that everybody reads the file. */
  strangerDenied: Fact<Denial | undefined>;
}

export type FileState =
  | { is: "missing" /** The first component that is not there, or that should be a folder. */; at: string }
  | {
      is: "file" | "directory" | "other";
      /** Where symbolic links lead, as the examined machine names it. */
      realPath: string;
      owner: Identified;
      group: Identified;
      /** Permission bits. */
      mode: number;
      /** Whether an ACL adds to the mode. */
      hasAcl: Fact<boolean>;
      modifiedMs: number;
    };

export interface Identified {
  id: number;
  /** Undefined when the machine has no name for it. */
  name?: string;
}

export interface FileContent {
  /** Lower-case hex, of all bytes; not told of keys and passwords. */
  sha256?: string;
  certificates: readonly FileCertificate[];
  keys: readonly FileKey[];
  /** What looks like PEM and cannot be read, and certificates that are none. */
  flaws: readonly { line: number; text: string }[];
  /** The file holds DER, where every reader takes PEM. */
  isDer: boolean;
}

export interface FileCertificate {
  /** 1 is the first certificate of the file. */
  position: number;
  line: number;
  facts: CertificateFacts;
  /** SHA-256 over the SubjectPublicKeyInfo, lower-case hex: equal to that of its key. */
  publicKeySha256: string;
  /** Base64. */
  der: string;
}

export interface FileKey {
  /** `PRIVATE KEY` is PKCS#8, `RSA PRIVATE KEY` PKCS#1, `EC PRIVATE KEY` SEC1. */
  label: string;
  line: number;
  isEncrypted: boolean;
  /** Undefined when it cannot be opened: encrypted, or damaged. */
  publicKeySha256?: string;
  /** Why it cannot be opened, other than for want of a password. */
  flaw?: string;
}

/** The user a reader runs as. */
export interface ReaderUser {
  uid: number;
  name?: string;
  gid: number;
  /** Supplementary ones. */
  groups: readonly number[];
}

export interface ReaderAccess {
  reader: ReaderId;
  user: Fact<ReaderUser>;
  /** The first component of the path that denies; undefined when nothing does. */
  denied: Fact<Denial | undefined>;
}

export interface Denial {
  /** As the examined machine names it. */
  path: string;
  /** Search on a folder, read on the file. */
  lacks: "search" | "read";
  owner: Identified;
  group: Identified;
  mode: number;
  /** What decides: `others have ---`, `the ACL entry user:spire has r--`. */
  because: string;
}
