import { X509Certificate } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { errorText, Problem } from "../core/problem.js";
import { isCertificateBlock, isPrivateKeyBlock } from "../formats/pem/pem.js";
import { keyBelongsTo } from "../x509/private-key.js";
import type { ClientCredentials } from "./client-credentials.js";
import { failureWords, keyFormOf, loadPassword, option, pemOf, readKey } from "./load-credentials.js";

export interface CandidateDirectory {
  candidates: ClientCredentials[];
  /** What was looked at and is not tried, and why: `path: reason`, in the order of paths. */
  notes: string[];
}

/** More pairs than anybody compares at once; each is one connection to somebody's server. */
const mostCandidates = 20;
const mostFiles = 500;
/** Notes that an error message quotes. */
const mostQuoted = 5;

interface Found {
  chains: { path: string; chain: X509Certificate[] }[];
  keys: ({ path: string } & Pick<ClientCredentials, "key" | "keyForm">)[];
  notes: string[];
}

/** Every certificate of a directory whose key lies there too, matched by public key. Subdirectories are not read. */
export function loadCandidates(directory: string, keyPassword: string | undefined): CandidateDirectory {
  const password = keyPassword === undefined ? undefined : loadPassword(keyPassword);
  const found = readDirectory(directory, password);
  const pairs = pairUp(found);
  for (const { name } of pairs.slice(mostCandidates)) found.notes.push(`${name}: at most ${mostCandidates} are tried`);
  const notes = found.notes.sort();
  if (pairs.length > 0) return { candidates: pairs.slice(0, mostCandidates), notes };
  throw new Problem("probe-no-candidates", `found no certificate with its key in ${directory}${quoted(notes)}`, {
    culprit: "usage",
    hint: "name the directory that holds the PEM files of both",
  });
}

function quoted(notes: readonly string[]): string {
  if (notes.length === 0) return "";
  const more = notes.length > mostQuoted ? `; and ${notes.length - mostQuoted} more` : "";
  return ` (${notes.slice(0, mostQuoted).join("; ")}${more})`;
}

function pairUp({ chains, keys, notes }: Found): ClientCredentials[] {
  const pairs: ClientCredentials[] = [];
  for (const { path, chain } of chains) {
    const owner = keys.find(({ key }) => keyBelongsTo(key, chain[0]!));
    if (chain[0]!.ca) notes.push(`${path}: a CA certificate`);
    else if (owner === undefined) notes.push(`${path}: no key for it in the directory`);
    else pairs.push({ name: path, keyPath: owner.path, chain, key: owner.key, keyForm: owner.keyForm });
  }
  for (const { path, key } of keys) {
    if (chains.some(({ chain }) => keyBelongsTo(key, chain[0]!))) continue;
    notes.push(`${path}: a private key without a certificate in the directory`);
  }
  return pairs;
}

function readDirectory(directory: string, password: string | undefined): Found {
  const found: Found = { chains: [], keys: [], notes: [] };
  for (const path of filesOf(directory, found.notes)) {
    try {
      readInto(found, path, password);
    } catch (error) {
      found.notes.push(`${path}: ${errorText(error)}`);
    }
  }
  return found;
}

function readInto({ chains, keys, notes }: Found, path: string, password: string | undefined): void {
  const blocks = pemOf(option("--try", path), "file");
  const chain = blocks.filter(isCertificateBlock).map(({ text }) => new X509Certificate(text));
  if (chain.length > 0) chains.push({ path, chain });
  const block = blocks.find(isPrivateKeyBlock);
  if (block === undefined) {
    if (chain.length === 0) notes.push(`${path}: holds neither a certificate nor a private key in PEM form`);
    return;
  }
  const answer = readKey(block, password);
  if ("key" in answer) keys.push({ path, key: answer.key, keyForm: keyFormOf(block) });
  else notes.push(`${path}: ${failureWords[answer.failure]}`);
}

function listWords(cause: unknown): string {
  const words: Record<string, string> = {
    ENOENT: "it does not exist",
    ENOTDIR: "it is no directory",
    EACCES: "permission denied",
  };
  return words[(cause as NodeJS.ErrnoException).code ?? ""] ?? errorText(cause);
}

function filesOf(directory: string, notes: string[]): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => join(directory, name));
    if (files.length > mostFiles) notes.push(`${directory}: ${files.length} files, the first ${mostFiles} are read`);
    return files.sort().slice(0, mostFiles);
  } catch (cause) {
    throw new Problem("plugin-unreadable-file", `cannot list directory ${directory}: ${listWords(cause)}`, {
      culprit: "usage",
      cause,
      hint: "name a readable directory",
    });
  }
}
