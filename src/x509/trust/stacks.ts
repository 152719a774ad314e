import type { X509Certificate } from "node:crypto";
import { judgeGo } from "./go.js";
import { goSends } from "./go-sends.js";
import { nodeNameFault } from "./node-server-name.js";
import { judgeOpenssl, opensslSends } from "./openssl.js";
import type { TrustError, TrustQuestion, TrustVerdict } from "./verdict.js";

/** A program's TLS library as the program uses it. */
export type StackId =
  /** OpenSSL's own tools and curl. */
  | "openssl"
  /** Python's ssl module up to 3.12: Keylime's verifier, registrar and tenant. */
  | "python"
  /** Python's ssl module from 3.13 on: partial chains and strict checks are on. */
  | "python-3.13"
  /** This program: Node's OpenSSL judges the chain, Node itself the name. */
  | "node"
  | "go"
  /** The Go plugin pair's server half: it looks at nothing of its server (InsecureSkipVerify). */
  | "go-unverified"
  /** The Rust Keylime agent as a server (openssl crate). */
  | "keylime-agent"
  /** The Rust Keylime agent in push mode as a client (reqwest over OpenSSL). */
  | "keylime-push-agent";

/** What a program presents of its own files. */
export interface OwnFiles {
  /** The certificate file in its order. */
  file: readonly X509Certificate[];
  /** The trust file of the same program: OpenSSL completes a lone leaf from it. */
  trusted: readonly X509Certificate[];
  /** DER names that the server's CertificateRequest lists; Keylime's servers list none. */
  acceptableCas?: readonly Buffer[];
  nowMs: number;
}

export type StackVerdict =
  | {
      ok: true;
      /** Leaf first, anchor last; empty when the stack does not look. */
      path: X509Certificate[];
      isVerified: boolean;
    }
  | (Omit<Extract<TrustVerdict, { ok: false }>, "alert"> & {
      /** The TLS alert that the peer is sent; undefined when the stack just closes the connection. */
      alert: number | undefined;
    });

export interface Stack {
  id: StackId;
  /** As a reader of a table knows it. */
  name: string;
  /** The certificates that go over the wire, leaf first. */
  sends(own: OwnFiles): X509Certificate[];
  /** The certificates of a trust file that count, in the file's order. */
  reads(trustFile: readonly X509Certificate[]): X509Certificate[];
  /** `anchors` is the trust file as it is; the stack reads of it what it reads. */
  judge(question: TrustQuestion): StackVerdict;
}

const everything = (file: readonly X509Certificate[]): X509Certificate[] => [...file];
const firstOnly = (file: readonly X509Certificate[]): X509Certificate[] => file.slice(0, 1);
const completed = ({ file, trusted, nowMs }: OwnFiles): X509Certificate[] => opensslSends(file, trusted, nowMs);
const asTheFileIs = ({ file, acceptableCas = [] }: OwnFiles): X509Certificate[] => goSends(file, acceptableCas);

/** Python from 3.10 on, Debian's and Red Hat's OpenSSL ask for level 2. */
const distributionLevel = 2;

export const stacks: Record<StackId, Stack> = {
  openssl: { id: "openssl", name: "OpenSSL", sends: completed, reads: everything, judge: openssl({}) },
  python: {
    id: "python",
    name: "Python's ssl (OpenSSL)",
    sends: completed,
    reads: everything,
    judge: openssl({ partialWildcards: false }),
  },
  "python-3.13": {
    id: "python-3.13",
    name: "Python's ssl from 3.13 on (OpenSSL, partial chains, strict)",
    sends: completed,
    reads: everything,
    judge: openssl({ partialWildcards: false, partialChain: true, strict: true }),
  },
  node: { id: "node", name: "Node (OpenSSL)", sends: completed, reads: everything, judge: judgeNode },
  go: { id: "go", name: "Go crypto/x509", sends: asTheFileIs, reads: everything, judge: go },
  "go-unverified": {
    id: "go-unverified",
    name: "Go without verification (InsecureSkipVerify)",
    sends: asTheFileIs,
    reads: everything,
    judge: () => ({ ok: true, path: [], isVerified: false }),
  },
  // set_certificate takes the first certificate; set_verify_cert_store keeps the clients' CAs apart from its own chain.
  "keylime-agent": {
    id: "keylime-agent",
    name: "Keylime agent (Rust, OpenSSL)",
    sends: ({ file }) => firstOnly(file),
    reads: everything,
    judge: openssl({}),
  },
  // reqwest's Certificate::from_pem takes the first certificate of the file, Identity::from_pkcs8_pem the whole chain.
  "keylime-push-agent": {
    id: "keylime-push-agent",
    name: "Keylime push agent (Rust, OpenSSL)",
    sends: ({ file }) => [...file],
    reads: firstOnly,
    judge: (question) => openssl({})({ ...question, anchors: question.anchors.slice(0, 1) }),
  },
};

type OpensslManners = Omit<Parameters<typeof judgeOpenssl>[0], keyof TrustQuestion>;

function openssl(manners: OpensslManners): Stack["judge"] {
  return (question) => verified(judgeOpenssl({ securityLevel: distributionLevel, ...manners, ...question }));
}

function go(question: TrustQuestion): StackVerdict {
  return verified(judgeGo(question));
}

/** Node lets the handshake end, looks at OpenSSL's verdict, then at the name by rules of its own, and sends no alert. */
function judgeNode({ serverName, ...question }: TrustQuestion): StackVerdict {
  const verdict = verified(judgeOpenssl({ securityLevel: nodeSecurityLevel(process.versions.openssl), ...question }));
  if (!verdict.ok) return { ...verdict, error: lastError(verdict), alert: undefined };
  const fault = serverName === undefined ? undefined : nodeNameFault(verdict.path[0]!, serverName);
  if (fault === undefined) return verdict;
  const error = { number: 0, name: "ERR_TLS_CERT_ALTNAME_INVALID", text: fault };
  return { ok: false, error, depth: 0, certificate: verdict.path[0], alert: undefined };
}

/** Node hears the last error of a verification that goes on after the first: a leaf without issuer raises two. */
function lastError({ error, depth }: Extract<StackVerdict, { ok: false }>): TrustError {
  if (error.name !== "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" || depth > 0) return error;
  return { number: 21, name: "UNABLE_TO_VERIFY_LEAF_SIGNATURE", text: "unable to verify the first certificate" };
}

/** OpenSSL's own default level, which Node keeps: 1 before OpenSSL 3.2, 2 from there on. */
export function nodeSecurityLevel(opensslVersion: string): number {
  const [major = 0, minor = 0] = opensslVersion.split(".").map(Number);
  return major > 3 || (major === 3 && minor >= 2) ? 2 : 1;
}

function verified(verdict: TrustVerdict): StackVerdict {
  return verdict.ok ? { ...verdict, isVerified: true } : verdict;
}
