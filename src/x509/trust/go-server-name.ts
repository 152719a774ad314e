import { isIP } from "node:net";
import { extensionOids, generalNameTags, nameValues } from "../extensions.js";
import type { Candidate } from "./candidate.js";

const commonNameOid = "2.5.4.3";
/** From this many names on Go tells their number only. */
const mostNamesTold = 100;

/**
 * Whether a certificate carries a name as Go 1.26 sees it (Certificate.VerifyHostname): undefined when it does, else Go's
 * words. Addresses are looked for among the addresses alone, names among the DNS names alone; the common name never counts.
 */
export function goNameFault(leaf: Candidate, wanted: string): string | undefined {
  const bare = /^\[(.+)\]$/s.exec(wanted)?.[1] ?? wanted;
  const address = addressBytes(bare);
  if (address !== undefined) {
    const has = altNames(leaf, generalNameTags.ip).some((one) => sameAddress(one, address));
    return has ? undefined : addressFault(leaf, bare);
  }
  const names = dnsNames(leaf);
  const isHost = isHostName(wanted.replace(/\.$/, ""), false);
  const matches = (pattern: string) =>
    isHost && isHostName(pattern, true) ? matchesPattern(pattern, wanted) : matchesExactly(pattern, wanted);
  return names.some(matches) ? undefined : nameFault(leaf, names, wanted);
}

function nameFault(leaf: Candidate, names: readonly string[], wanted: string): string {
  if (isLegacyName(leaf, wanted)) return legacyText;
  if (names.length >= mostNamesTold)
    return `certificate is valid for ${names.length} names, but none matched ${wanted}`;
  const told = names.join(", ");
  if (told === "") return `certificate is not valid for any names, but wanted to match ${wanted}`;
  return `certificate is valid for ${told}, not ${wanted}`;
}

function addressFault(leaf: Candidate, wanted: string): string {
  if (isLegacyName(leaf, wanted)) return legacyText;
  const addresses = altNames(leaf, generalNameTags.ip);
  if (addresses.length === 0) {
    return `cannot validate certificate for ${wanted} because it doesn't contain any IP SANs`;
  }
  if (addresses.length >= mostNamesTold) {
    return `certificate is valid for ${addresses.length} IP SANs, but none matched ${wanted}`;
  }
  return `certificate is valid for ${addresses.map(addressText).join(", ")}, not ${wanted}`;
}

const legacyText = "certificate relies on legacy Common Name field, use SANs instead";

/** A certificate without any alternative names whose last common name would have matched. */
function isLegacyName(leaf: Candidate, wanted: string): boolean {
  if (leaf.fields.extensions.some(({ oid }) => oid === extensionOids.subjectAltName)) return false;
  const commonName = nameValues(leaf.fields.subject, commonNameOid).at(-1) ?? "";
  return isHostName(wanted.replace(/\.$/, ""), false) ? matchesPattern(commonName, wanted) : false;
}

/** Names are compared byte by byte but for the case of ASCII letters; `*` stands for the whole first label. */
function matchesPattern(pattern: string, wanted: string): boolean {
  const [of, against] = [asciiLower(pattern).split("."), asciiLower(wanted).replace(/\.$/, "").split(".")];
  if (pattern === "" || of.length !== against.length) return false;
  return of.every((label, i) => (i === 0 && label === "*") || label === against[i]);
}

function matchesExactly(pattern: string, wanted: string): boolean {
  const isNothing = (text: string) => text === "" || text === ".";
  return !isNothing(pattern) && !isNothing(wanted) && asciiLower(pattern) === asciiLower(wanted);
}

function isHostName(text: string, isPattern: boolean): boolean {
  if (text === "" || text === "*") return false;
  return text.split(".").every((label, i) => {
    if (isPattern && i === 0 && label === "*") return true;
    return /^[A-Za-z0-9_][A-Za-z0-9_-]*$/.test(label);
  });
}

const asciiLower = (text: string): string => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());

const dnsNames = (leaf: Candidate): string[] =>
  altNames(leaf, generalNameTags.dns).map((name) => name.toString("latin1"));

function altNames(leaf: Candidate, kind: number): Buffer[] {
  return leaf.altNames.filter(({ tag }) => tag === kind).map(({ content }) => content);
}

function addressBytes(text: string): Buffer | undefined {
  if (isIP(text) === 4) return Buffer.from(text.split(".").map(Number));
  return isIP(text) === 6 && !text.includes("%") ? ipv6Bytes(text) : undefined;
}

function ipv6Bytes(text: string): Buffer {
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const words = dotted === null ? text : text.slice(0, dotted.index) + dottedWords(dotted.slice(1).map(Number));
  const [head = "", tail] = words.split("::");
  const [left, right] = [groups(head), groups(tail ?? "")];
  const zeros = tail === undefined ? [] : Array<number>(8 - left.length - right.length).fill(0);
  return Buffer.from([...left, ...zeros, ...right].flatMap((word) => [word >> 8, word & 0xff]));
}

const dottedWords = ([a, b, c, d]: number[]): string =>
  `${((a! << 8) | b!).toString(16)}:${((c! << 8) | d!).toString(16)}`;

const groups = (text: string): number[] =>
  text === "" ? [] : text.split(":").map((word) => Number.parseInt(word, 16));

/** An IPv4 address is the same address when it is written as IPv6 (::ffff:a.b.c.d). */
function sameAddress(a: Buffer, b: Buffer): boolean {
  return unmapped(a).equals(unmapped(b));
}

const mappedPrefix = Buffer.from("00000000000000000000ffff", "hex");

function unmapped(address: Buffer): Buffer {
  return address.length === 16 && address.subarray(0, 12).equals(mappedPrefix) ? address.subarray(12) : address;
}

function addressText(address: Buffer): string {
  const plain = unmapped(address);
  return plain.length === 4 ? plain.join(".") : ipv6Text(plain);
}

/** RFC 5952: the first longest run of two zeros or more is left out. */
function ipv6Text(address: Buffer): string {
  const words = Array.from({ length: 8 }, (_, i) => address.readUInt16BE(i * 2));
  let run = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && words[start + length] === 0) length++;
    if (length > run.length) run = { start, length };
  }
  const hex = (some: number[]) => some.map((word) => word.toString(16)).join(":");
  if (run.length < 2) return hex(words);
  return `${hex(words.slice(0, run.start))}::${hex(words.slice(run.start + run.length))}`;
}
