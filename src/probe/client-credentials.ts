import type { KeyObject, X509Certificate } from "node:crypto";

/** A certificate with its key, as one file or pair of files holds it. */
export interface ClientCredentials {
  /** What people call it: the path of the certificate file. */
  name: string;
  keyPath: string;
  /** Leaf first, as the file has them: presented as it stands. */
  chain: readonly X509Certificate[];
  key: KeyObject;
  /** How the key file holds it: the label of its PEM block. */
  keyForm: { label: string; isEncrypted: boolean };
}
