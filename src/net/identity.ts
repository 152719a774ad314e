import { createHash, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { errorText, Problem } from "../core/problem.js";
import {
  isCertificateBlock,
  isEncryptedBlock,
  isPrivateKeyBlock,
  type PemBlock,
  parsePem,
} from "../formats/pem/pem.js";
import { type CertificateFacts, certificateFacts } from "../x509/certificate.js";
import { keyBelongsTo, readPrivateKey, signsFor } from "../x509/private-key.js";
import { type FileContent, fileProblem, loadNamedFile, type NamedFile } from "./identity-file.js";
import { identityWarnings, keyFileWarnings, type LastingWarning } from "./identity-warnings.js";
import { presentedChain } from "./presented-chain.js";

/** Files of one TLS leg: the peer's CA, and what is presented. Without `cert` and `key` nothing is presented. */
export interface IdentityFiles {
  ca: NamedFile;
  cert?: NamedFile;
  key?: NamedFile;
  /** Holds the key's password; one line end is cut off. */
  keyPassword?: NamedFile;
  /** The configuration key that would name such a file; without it there is none, and the key must not be encrypted. */
  keyPasswordKey?: string;
}

/** What a connection presents and trusts. Immutable: a newer one replaces it whole. */
export interface Identity {
  /** Counts from 1 and rises with every replacement. */
  generation: number;
  files: IdentityFiles;
  /** SHA-256 over the contents of all files, lower-case hex. */
  fingerprint: string;
  /** The certificates of the client certificate's file in its order; empty when nothing is presented. */
  chain: readonly CertificateFacts[];
  /** The certificates of the CA file in its order. */
  trusted: readonly CertificateFacts[];
  /** What goes over the wire, leaf first: OpenSSL adds issuers from the CA file to a leaf that stands alone. */
  presented(nowMs: number): readonly CertificateFacts[];
  /** For `tls.connect` and https agents: certificate, key and CA as one; TLS 1.2 at least. */
  secureContext: SecureContext;
}

export interface IdentityAnswer {
  /** Present when there are no problems. */
  identity?: Identity;
  /** What keeps the files from being used, all of it. */
  problems: Problem[];
  /** What deserves a log line and stops nothing, e.g. an expired certificate. */
  warnings: LastingWarning[];
  /** SHA-256 over whatever could be read, lower-case hex: equal for the same contents. */
  fingerprint: string;
}

/** The fingerprint that loadIdentity would return, without judging the contents. Never throws. */
export function fingerprintFiles({ ca, cert, key, keyPassword }: IdentityFiles): string {
  const loading = new Loading();
  for (const file of [ca, cert, key, keyPassword]) if (file !== undefined) loading.file(file, "file");
  return loading.fingerprint();
}

const caWords = "CA file";
const certWords = "client certificate";
const keyWords = "client key";

/** Loads the files of one leg; tells everything that is wrong with them at once. Never throws. */
export function loadIdentity(files: IdentityFiles, nowMs: number): IdentityAnswer {
  const loading = new Loading();
  const ca = loading.file(files.ca, caWords);
  const cert = files.cert && loading.file(files.cert, certWords);
  const key = files.key && loading.file(files.key, keyWords);
  const passwordFile = files.keyPassword && loading.file(files.keyPassword, "password of the client key");
  const trusted = ca && loading.step(() => parseCertificates(ca, files.ca, caWords));
  const chain = cert && loading.step(() => parseCertificates(cert, files.cert!, certWords));
  // A password file that cannot be read is one problem; the key it would have opened is not another.
  const isPasswordLost = files.keyPassword !== undefined && passwordFile === undefined;
  const privateKey =
    key && !isPasswordLost ? loading.step(() => parseKey(key, files, passwordText(passwordFile))) : undefined;
  if (privateKey && chain) loading.step(() => requirePair(privateKey, chain, files));
  loading.step(() => requireBoth(files));
  const fingerprint = loading.fingerprint();
  const { problems } = loading;
  const secureContext =
    problems.length === 0 && trusted
      ? loading.step(() => secureContextOf({ files, trusted, chain, privateKey }))
      : undefined;
  const facts = { chain: factsOf(chain), trusted: factsOf(trusted) };
  const warnings = [...identityWarnings(files, facts, nowMs), ...(key ? keyFileWarnings(files.key!, key.stats) : [])];
  if (secureContext === undefined) return { problems, warnings, fingerprint };
  const [own, known] = [certificatesOf(chain), certificatesOf(trusted)];
  const presented = (atMs: number) => presentedChain(own, known, atMs);
  const identity = Object.freeze({ generation: 1, files, fingerprint, ...facts, presented, secureContext });
  return { identity, problems, warnings, fingerprint };
}

/** Collects problems and the contents that were read, so that one bad file does not hide the next. */
class Loading {
  readonly problems: Problem[] = [];
  private readonly hash = createHash("sha256");

  file(file: NamedFile, what: string): FileContent | undefined {
    const content = this.step(() => loadNamedFile(file, what));
    // Lengths keep a byte that moves from one file to the next from going unseen.
    this.hash.update(`${content?.bytes.length ?? this.problems.at(-1)?.code}:`).update(content?.bytes ?? "");
    return content;
  }

  step<T>(load: () => T): T | undefined {
    try {
      return load();
    } catch (thrown) {
      this.problems.push(
        thrown instanceof Problem
          ? thrown
          : new Problem("internal", errorText(thrown), { culprit: "ours", cause: thrown }),
      );
      return undefined;
    }
  }

  fingerprint(): string {
    return this.hash.digest("hex");
  }
}

interface ParsedCertificate {
  pem: string;
  certificate: X509Certificate;
}

function certificatesOf(parsed: readonly ParsedCertificate[] = []): readonly X509Certificate[] {
  return parsed.map(({ certificate }) => certificate);
}

function factsOf(certificates: readonly ParsedCertificate[] | undefined): readonly CertificateFacts[] {
  return Object.freeze((certificates ?? []).map(({ certificate }) => Object.freeze(certificateFacts(certificate))));
}

function parseCertificates({ bytes }: FileContent, file: NamedFile, what: string): ParsedCertificate[] {
  const blocks = parseBlocks(bytes, file, what).filter(isCertificateBlock);
  if (blocks.length === 0)
    throw fileProblem("no-certificate", file, what, `no certificate in the file${contentText(bytes)}`, {
      hint: contentHint(bytes, file),
    });
  return blocks.map((block) => parseCertificate(block, file, what));
}

function parseCertificate(block: PemBlock, file: NamedFile, what: string): ParsedCertificate {
  try {
    return { pem: block.text, certificate: new X509Certificate(block.der) };
  } catch (cause) {
    const why = `the certificate at line ${block.line} cannot be read: ${errorText(cause)}`;
    throw fileProblem("cert-unreadable", file, what, why, { cause });
  }
}

function parseBlocks(bytes: Buffer, file: NamedFile, what: string): PemBlock[] {
  const { blocks, flaws } = parsePem(bytes.toString("utf8"));
  const [flaw] = flaws;
  if (flaw !== undefined)
    throw fileProblem("pem-damaged", file, what, `line ${flaw.line}: ${flaw.message}`, { hint: "write the file anew" });
  return blocks;
}

function contentText(bytes: Buffer): string {
  if (bytes.length === 0) return ": it is empty";
  if (isDer(bytes)) return ": it looks like DER";
  const labels = [...new Set(parsePem(bytes.toString("utf8")).blocks.map(({ label }) => label))].slice(0, 5);
  return labels.length === 0 ? "" : `, only ${labels.join(", ")}`;
}

function contentHint(bytes: Buffer, file: NamedFile): string {
  if (isDer(bytes)) return "convert it to PEM with: openssl x509 -inform der";
  return `is ${file.key} the right file?`;
}

function isDer(bytes: Buffer): boolean {
  return bytes[0] === 0x30 && bytes[1] !== undefined && bytes[1] >= 0x80;
}

interface ParsedKey {
  pem: string;
  password: string | undefined;
  key: KeyObject;
}

function passwordText(content: FileContent | undefined): string | undefined {
  return content?.bytes.toString("utf8").replace(/\r?\n$/, "");
}

function parseKey({ bytes }: FileContent, files: IdentityFiles, password: string | undefined): ParsedKey {
  const file = files.key!;
  const block = parseBlocks(bytes, file, keyWords).find(isPrivateKeyBlock);
  if (block === undefined)
    throw fileProblem("no-private-key", file, keyWords, `no private key in the file${contentText(bytes)}`, {
      hint: `is ${file.key} the right file?`,
    });
  const isEncrypted = isEncryptedBlock(block);
  const answer = readPrivateKey({ pem: block.text, isEncrypted, ...(password === undefined ? {} : { password }) });
  if ("key" in answer) return { pem: block.text, password: isEncrypted ? password : undefined, key: answer.key };
  const { failure, cause } = answer;
  if (failure === "unreadable")
    throw fileProblem(
      "key-unreadable",
      file,
      keyWords,
      `${block.label} at line ${block.line} cannot be read: ${errorText(cause)}`,
      { cause },
    );
  const why =
    failure === "password-needed"
      ? "it is encrypted, and no password is configured"
      : `the password in ${JSON.stringify(files.keyPassword?.path)} does not open it`;
  throw fileProblem("key-encrypted", file, keyWords, why, { cause, hint: passwordHint(files) });
}

function passwordHint({ keyPassword, keyPasswordKey }: IdentityFiles): string {
  if (keyPassword !== undefined) return `correct the password in the file of ${keyPassword.key}`;
  const store = "store the key unencrypted with mode 0600";
  return keyPasswordKey === undefined ? store : `set ${keyPasswordKey}, or ${store}`;
}

function requirePair({ key }: ParsedKey, chain: readonly ParsedCertificate[], files: IdentityFiles): void {
  const at = chain.findIndex(({ certificate }) => keyBelongsTo(key, certificate));
  const first = certificateFacts(chain[0]!.certificate).subject;
  if (at === 0 && signsFor(key, chain[0]!.certificate)) return;
  if (at === 0) {
    const why = `it is damaged: certificate ${first} does not verify what it signs`;
    throw fileProblem("key-unreadable", files.key!, keyWords, why, { hint: "write the key anew" });
  }
  if (at > 0) {
    const why = `its first certificate is ${first}, but the key belongs to certificate ${at + 1}, ${certificateFacts(chain[at]!.certificate).subject}`;
    throw fileProblem("cert-order", files.cert!, certWords, why, {
      hint: "put the leaf first, then each issuer in turn",
    });
  }
  const why = `it does not belong to the certificate ${first} in ${JSON.stringify(files.cert!.path)} (${files.cert!.key})`;
  throw fileProblem("key-mismatch", files.key!, keyWords, why, {
    hint: "configure the key the certificate was issued for",
  });
}

function requireBoth({ cert, key }: IdentityFiles): void {
  const lone = cert === undefined ? key : key === undefined ? cert : undefined;
  if (lone === undefined) return;
  const [has, lacks] = lone === key ? ["key", "certificate"] : ["certificate", "key"];
  throw new Problem("incomplete-identity", `${lone.key} names a client ${has}, but no client ${lacks} is configured`, {
    culprit: "configuration",
    ...(lone.at === undefined ? {} : { at: lone.at }),
  });
}

interface ContextParts {
  files: IdentityFiles;
  trusted: readonly ParsedCertificate[];
  chain: readonly ParsedCertificate[] | undefined;
  privateKey: ParsedKey | undefined;
}

function secureContextOf({ files, trusted, chain, privateKey }: ContextParts): SecureContext {
  try {
    return createSecureContext({
      minVersion: "TLSv1.2",
      ca: trusted.map(({ pem }) => pem),
      ...(chain === undefined ? {} : { cert: chain.map(({ pem }) => pem).join("") }),
      ...(privateKey === undefined ? {} : { key: privateKey.pem }),
      ...(privateKey?.password === undefined ? {} : { passphrase: privateKey.password }),
    });
  } catch (cause) {
    const isWeak = /too small|too weak/i.test(errorText(cause));
    const code = isWeak ? "cert-weak" : "cert-unusable";
    throw fileProblem(
      code,
      files.cert ?? files.ca,
      files.cert ? certWords : caWords,
      `OpenSSL does not take it: ${errorText(cause)}`,
      { cause },
    );
  }
}

export type { NamedFile } from "./identity-file.js";
export type { IdentityWarning } from "./identity-warnings.js";
