import { X509Certificate } from "node:crypto";
import { errorText } from "../core/problem.js";
import {
  isCertificateBlock,
  isEncryptedBlock,
  isPrivateKeyBlock,
  type PemBlock,
  parsePem,
} from "../formats/pem/pem.js";
import { fileProblem, loadNamedFile, type NamedFile } from "../net/identity-file.js";
import { keyBelongsTo, type PrivateKeyAnswer, readPrivateKey } from "../x509/private-key.js";
import type { ClientCredentials } from "./client-credentials.js";

export interface CredentialFiles {
  cert: string;
  key: string;
  keyPassword: string | undefined;
  /** What the options that name the files start with; `--` unless told. */
  prefix?: string;
  /** Which side presents them; `client` unless told. */
  side?: "client" | "server";
}

export const option = (key: string, path: string): NamedFile => ({ path, key, isDefault: false });

/** A certificate file and its key. Throws a Problem with the fault's id. */
export function loadCredentials(files: CredentialFiles): ClientCredentials {
  const { cert, key, keyPassword, prefix = "--", side = "client" } = files;
  const keyWords = `${side} key`;
  const certFile = option(`${prefix}cert`, cert);
  const keyFile = option(`${prefix}key`, key);
  const chain = loadCertificates(certFile, `${side} certificate`);
  const block = pemOf(keyFile, keyWords).find(isPrivateKeyBlock);
  if (block === undefined) {
    throw fileProblem("plugin-unreadable-file", keyFile, keyWords, "it holds no private key in PEM form", {
      hint: `name the file that holds it with ${prefix}key`,
    });
  }
  const password = keyPassword === undefined ? undefined : loadPassword(keyPassword);
  const answer = readKey(block, password);
  if ("failure" in answer) {
    const code = answer.failure === "unreadable" ? "plugin-unreadable-file" : "key-encrypted";
    const hint = `name a file with its password: ${prefix}key-password-file`;
    throw fileProblem(code, keyFile, keyWords, failureWords[answer.failure], { cause: answer.cause, hint });
  }
  if (!keyBelongsTo(answer.key, chain[0]!)) {
    const why = `it is not the key of ${JSON.stringify(cert)}, whose first certificate is ${oneLine(chain[0]!)}`;
    throw fileProblem("key-mismatch", keyFile, keyWords, why, {
      hint: "name the key the certificate was issued for",
    });
  }
  return { name: cert, keyPath: key, chain, key: answer.key, keyForm: keyFormOf(block) };
}

export const failureWords = {
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

/** The blocks of a file. Throws a Problem when it cannot be read. */
export function pemOf(file: NamedFile, what: string) {
  return parsePem(loadNamedFile(file, what).bytes.toString("utf8")).blocks;
}

export function keyFormOf(block: PemBlock): ClientCredentials["keyForm"] {
  return { label: block.label, isEncrypted: isEncryptedBlock(block) };
}

/** One line end is cut off. */
export function loadPassword(path: string): string {
  return loadNamedFile(option("--key-password-file", path), "password")
    .bytes.toString("utf8")
    .replace(/\r?\n$/, "");
}

export function readKey(block: PemBlock, password: string | undefined): PrivateKeyAnswer {
  const form = { pem: block.text, isEncrypted: isEncryptedBlock(block) };
  return readPrivateKey(password === undefined ? form : { ...form, password });
}

const oneLine = (certificate: X509Certificate): string => certificate.subject.split("\n").reverse().join(", ");
