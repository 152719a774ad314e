import type { X509Certificate } from "node:crypto";
import { nameText } from "../x509/distinguished-name.js";
import { readCertificateFields } from "../x509/extensions.js";
import type { ClientCredentials } from "./client-credentials.js";

export const stacks = ["go", "openssl", "node", "rust"] as const;
export type Stack = (typeof stacks)[number];

/** Who is meant, to be read on before "sends" or "takes". */
export const stackNames: Record<Stack, string> = {
  go: "Go",
  openssl: "an OpenSSL program (Python, s_client)",
  node: "Node.js",
  rust: "the Keylime agent in Rust (push mode)",
};

export interface StackPresentation {
  /** DER, leaf first. */
  chain: Buffer[];
  /** Where that is not what the file holds, and why; empty when nothing differs. */
  differences: string[];
  /** Why the stack would not even load the pair, and so present nothing; undefined when it would. */
  unusable: string | undefined;
}

/**
 * What a TLS stack would send of a certificate file as a client; proven against the real ones in test/real/probe-as. Without
 * a stack: the file as it stands.
 *
 * Go's `crypto/tls` sends `Certificate.Certificate` unchanged. OpenSSL (`ssl_add_cert_chain`, statem_lib.c, 3.0) builds the
 * missing part from its own trust file when the file holds the leaf alone, up to and including the root; curl the same
 * without the root. Node hands its `ca` to OpenSSL. The Keylime agent in Rust (https_client.rs; reqwest on native-tls, which
 * is OpenSSL) takes PKCS#8 keys only and of the trust file the first certificate only.
 */
export function presentAs(
  stack: Stack | undefined,
  credentials: ClientCredentials,
  anchors: readonly X509Certificate[],
): StackPresentation {
  const { chain, name } = credentials;
  const unusable = stack === undefined ? undefined : unusableFor(stack, credentials);
  const whole = { chain: chain.map(({ raw }) => raw), differences: [], unusable };
  if (stack === undefined || stack === "go" || chain.length > 1) return whole;
  const completed = complete(chain[0]!, stackAnchors(stack, anchors));
  const added = completed.length - 1;
  if (added === 0) return whole;
  const difference = `${name} holds the leaf alone: ${stackNames[stack]} adds ${added} from the CA file, Go would not`;
  return { ...whole, chain: completed.map(({ raw }) => raw), differences: [difference] };
}

/** What of a trust file the stack reads. */
export function stackAnchors(stack: Stack | undefined, anchors: readonly X509Certificate[]): X509Certificate[] {
  return stack === "rust" ? anchors.slice(0, 1) : [...anchors];
}

const goKeys: readonly (string | undefined)[] = ["rsa", "ec", "ed25519"];
const goCurves: readonly (string | undefined)[] = ["prime256v1", "secp384r1", "secp521r1"];

function unusableFor(stack: Stack, { key, keyPath, keyForm }: ClientCredentials): string | undefined {
  if (stack === "rust" && keyForm.label !== "PRIVATE KEY") {
    return `the Keylime agent in Rust takes unencrypted PKCS#8 keys only, and ${keyPath} is ${keyForm.label}`;
  }
  if (stack !== "go") return undefined;
  if (keyForm.isEncrypted) return `Go loads no encrypted key, and ${keyPath} is one`;
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (!goKeys.includes(type)) return `Go loads no key of type ${type}`;
  if (type !== "ec" || goCurves.includes(details?.namedCurve)) return undefined;
  return `Go signs no handshake with a key on ${details?.namedCurve}`;
}

/**
 * Why Go answers "none": the server names CAs, and no certificate of the chain was issued by one of them
 * (`CertificateRequestInfo.SupportsCertificate`). OpenSSL and Node send a configured certificate all the same.
 */
export function goWithholds({ chain }: ClientCredentials, authorities: readonly Buffer[]): string | undefined {
  if (authorities.length === 0) return undefined;
  const issuers = chain.map(({ raw }) => readCertificateFields(raw).issuer);
  if (issuers.some((issuer) => authorities.some((name) => name.equals(issuer)))) return undefined;
  const named = authorities.slice(0, 3).map(nameText).join("; ");
  return `Go sends no certificate here: the server names the CAs it accepts (${named}), and none of them issued this one`;
}

/** The longest path anybody builds. */
const mostCertificates = 10;

function complete(leaf: X509Certificate, anchors: readonly X509Certificate[]): X509Certificate[] {
  const path = [leaf];
  while (path.length < mostCertificates) {
    const top = path.at(-1)!;
    if (top.checkIssued(top)) return path;
    const issuer = anchors.find((each) => top.checkIssued(each) && top.verify(each.publicKey));
    if (issuer === undefined) return path;
    path.push(issuer);
  }
  return path;
}
