import { createHash, createPublicKey, X509Certificate } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { errorText } from "../../../core/problem.js";
import {
  isCertificateBlock,
  isEncryptedBlock,
  isPrivateKeyBlock,
  type PemBlock,
  parsePem,
} from "../../../formats/pem/pem.js";
import { certificateFacts } from "../../../x509/certificate.js";
import { readCertificateFields } from "../../../x509/extensions.js";
import { readPrivateKey } from "../../../x509/private-key.js";
import { type Fact, known, unknown } from "../fact.js";
import { type Machine, whyUnreadable } from "../machine.js";
import type { FileCertificate, FileContent, FileKey } from "./file-facts.js";

/** A bundle of a whole organisation stays below this; Debian's has 220 KiB. */
const largestBytes = 1024 * 1024;

/** Reads a PEM file: its certificates, and what may be told of its keys. */
export async function readContent(machine: Machine, path: string): Promise<Fact<FileContent>> {
  const source = machine.nameOf(path);
  try {
    // Without O_NONBLOCK the opening of a FIFO waits for a writer, for ever.
    const handle = await open(machine.locate(path), constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!(await handle.stat()).isFile()) return unknown("it is not a regular file", source);
      const { bytesRead, buffer } = await handle.read({ buffer: Buffer.alloc(largestBytes + 1), position: 0 });
      if (bytesRead > largestBytes) return unknown("it is larger than 1 MiB", source);
      return known(parseContent(buffer.subarray(0, bytesRead)), source);
    } finally {
      await handle.close();
    }
  } catch (error) {
    return unknown(whyUnreadable(error), source);
  }
}

/** Pure. */
export function parseContent(bytes: Buffer): FileContent {
  const { blocks, flaws } = parsePem(bytes.toString("utf8"));
  const found: FileContent & {
    certificates: FileCertificate[];
    keys: FileKey[];
    flaws: FileContent["flaws"][number][];
  } = {
    certificates: [],
    keys: [],
    flaws: flaws.map(({ line, message }) => ({ line, text: message })),
    isDer: bytes[0] === 0x30 && (bytes[1] ?? 0) >= 0x80,
  };
  for (const block of blocks) {
    if (isPrivateKeyBlock(block)) found.keys.push(keyOf(block));
    else if (isCertificateBlock(block)) addCertificate(found, block);
  }
  if (found.keys.length > 0 || found.certificates.length === 0) return found;
  return { ...found, sha256: createHash("sha256").update(bytes).digest("hex") };
}

function addCertificate(
  found: { certificates: FileCertificate[]; flaws: { line: number; text: string }[] },
  { der, line }: PemBlock,
): void {
  const position = found.certificates.length + 1;
  try {
    found.certificates.push(certificateAt(der, { position, line }));
  } catch (error) {
    found.flaws.push({ line, text: `the certificate cannot be read: ${errorText(error)}` });
  }
}

/** What is told of a certificate. Throws when OpenSSL cannot read it. */
export function certificateAt(der: Buffer, place: Pick<FileCertificate, "position" | "line">): FileCertificate {
  return {
    ...place,
    facts: certificateFacts(new X509Certificate(der)),
    publicKeySha256: hashOf(readCertificateFields(der).publicKeyInfo),
    der: der.toString("base64"),
  };
}

function keyOf(block: PemBlock): FileKey {
  const isEncrypted = isEncryptedBlock(block);
  const told = { label: block.label, line: block.line, isEncrypted };
  if (isEncrypted) return told;
  const answer = readPrivateKey({ pem: block.text, isEncrypted });
  if (!("key" in answer)) return { ...told, flaw: errorText(answer.cause) };
  return { ...told, publicKeySha256: hashOf(createPublicKey(answer.key).export({ type: "spki", format: "der" })) };
}

const hashOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
