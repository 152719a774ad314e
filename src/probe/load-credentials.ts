import { X509Certificate } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { errorText, Problem } from "../core/problem.js";
import { isCertificateBlock, isEncryptedBlock, isPrivateKeyBlock, parsePem } from "../formats/pem/pem.js";
import { fileProblem, loadNamedFile, type NamedFile } from "../net/identity-file.js";
import { keyBelongsTo, readPrivateKey } from "../x509/private-key.js";
import type { ClientCredentials } from "./client-credentials.js";

export interface CredentialFiles {
  cert: string;
  key: string;
  keyPassword: string | undefined;
  /** What the options that name the files start with; `--` unless told. */
  prefix?: string;
}

const option = (key: string, path: string): NamedFile => ({ path, key, isDefault: false });

/** A certificate file and its key. Throws a Problem with the fault's id. */
export function loadCredentials({ cert, key, keyPassword, prefix = "--" }: CredentialFiles): ClientCredentials {
  const certFile = option(`${prefix}cert`, cert);
  const keyFile = option(`${prefix}key`, key);
  const chain = loadCertificates(certFile, "client certificate");
  const block = pemOf(keyFile, "client key").find(isPrivateKeyBlock);
  if (block === undefined) {
    throw fileProblem("plugin-unreadable-file", keyFile, "client key", "it holds no private key in PEM form");
  }
  const password = keyPassword === undefined ? undefined : loadPassword(keyPassword);
  const answer = readPrivateKey({ pem: block.text, isEncrypted: isEncryptedBlock(block), ...optional({ password }) });
  if ("failure" in answer) {
    const code = answer.failure === "unreadable" ? "plugin-unreadable-file" : "key-encrypted";
    const hint = `name a file with its password: ${prefix}key-password-file`;
    throw fileProblem(code, keyFile, "client key", failureWords[answer.failure], { cause: answer.cause, hint });
  }
  if (!keyBelongsTo(answer.key, chain[0]!)) {
    const why = `it is not the key of ${JSON.stringify(cert)}, whose first certificate is ${oneLine(chain[0]!)}`;
    throw fileProblem("key-mismatch", keyFile, "client key", why, {
      hint: "name the key the certificate was issued for",
    });
  }
  return { name: cert, keyPath: key, chain, key: answer.key };
}

const failureWords = {
  "password-needed": "it is encrypted and no password is given",
  "password-wrong": "it is encrypted and the password does not open it",
  unreadable: "it is no private key that OpenSSL reads",
} as const;

/** Every certificate of a PEM file. Throws a Problem when there is none, or one that does not read. */
export function loadCertificates(file: NamedFile, what: string): X509Certificate[] {
  const blocks = pemOf(file, what).filter(isCertificateBlock);
  if (blocks.length === 0) {
    throw fileProblem("plugin-unreadable-file", file, what, "it holds no certificate in PEM form");
  }
  return blocks.map(({ text, line }) => {
    try {
      return new X509Certificate(text);
    } catch (cause) {
      const why = `the certificate at line ${line} does not read (${errorText(cause)})`;
      throw fileProblem("plugin-unreadable-file", file, what, why, { cause });
    }
  });
}

export interface CandidateDirectory {
  candidates: ClientCredentials[];
  /** What was looked at and not tried, and why. */
  notes: string[];
}

/** More pairs than anybody compares at once; each is one connection to somebody's server. */
const mostCandidates = 20;
const mostFiles = 500;

/** Every certificate of a directory whose key lies there too, matched by public key. Subdirectories are not read. */
export function loadCandidates(directory: string, keyPassword: string | undefined): CandidateDirectory {
  const password = keyPassword === undefined ? undefined : loadPassword(keyPassword);
  const read = readFiles(directory, password);
  const found: ClientCredentials[] = [];
  for (const { path, chain } of read.chains) {
    const [leaf] = chain;
    const owner = read.keys.find(({ key }) => keyBelongsTo(key, leaf!));
    if (owner === undefined) read.notes.push(`${path}: no key for it in the directory`);
    else if (leaf!.ca) read.notes.push(`${path}: a CA certificate, not tried`);
    else found.push({ name: path, keyPath: owner.path, chain, key: owner.key });
  }
  const candidates = found.slice(0, mostCandidates);
  for (const { name } of found.slice(mostCandidates))
    read.notes.push(`${name}: not tried, at most ${mostCandidates} are`);
  if (candidates.length > 0) return { candidates, notes: read.notes };
  throw new Problem("probe-no-candidates", `found no certificate with its key in ${directory}${listed(read.notes)}`, {
    culprit: "usage",
    hint: "name the directory that holds the PEM files of both",
  });
}

const listed = (notes: readonly string[]): string => (notes.length === 0 ? "" : ` (${notes.join("; ")})`);

function readFiles(directory: string, password: string | undefined) {
  const notes: string[] = [];
  const chains: { path: string; chain: X509Certificate[] }[] = [];
  const keys: { path: string; key: ClientCredentials["key"] }[] = [];
  for (const path of filesOf(directory)) {
    try {
      const blocks = pemOf(option("--try", path), "file");
      const certificates = blocks.filter(isCertificateBlock).map(({ text }) => new X509Certificate(text));
      if (certificates.length > 0) chains.push({ path, chain: certificates });
      const block = blocks.find(isPrivateKeyBlock);
      if (block === undefined) continue;
      const answer = readPrivateKey({
        pem: block.text,
        isEncrypted: isEncryptedBlock(block),
        ...optional({ password }),
      });
      if ("key" in answer) keys.push({ path, key: answer.key });
      else notes.push(`${path}: ${failureWords[answer.failure]}`);
    } catch (error) {
      notes.push(`${path}: ${errorText(error)}`);
    }
  }
  return { chains, keys, notes };
}

function filesOf(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => join(directory, name));
    return files.sort().slice(0, mostFiles);
  } catch (cause) {
    throw new Problem("plugin-unreadable-file", `cannot list directory ${directory}: ${errorText(cause)}`, {
      culprit: "usage",
      cause,
      hint: "name a readable directory",
    });
  }
}

function pemOf(file: NamedFile, what: string) {
  return parsePem(loadNamedFile(file, what).bytes.toString("utf8")).blocks;
}

/** One line end is cut off. */
function loadPassword(path: string): string {
  return loadNamedFile(option("--key-password-file", path), "password")
    .bytes.toString("utf8")
    .replace(/\r?\n$/, "");
}

function optional({ password }: { password: string | undefined }): { password?: string } {
  return password === undefined ? {} : { password };
}

const oneLine = (certificate: X509Certificate): string => certificate.subject.split("\n").reverse().join(", ");
