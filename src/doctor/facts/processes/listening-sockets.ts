import type { ListeningAddress } from "./process-facts.js";

export interface ListeningSocket extends ListeningAddress {
  inode: string;
  uid: number;
}

const listenState = "0A";

/** The listening sockets of a /proc/net/tcp or tcp6 text (proc(5)); lines that are none are left out. */
export function parseListeningSockets(text: string): ListeningSocket[] {
  return text.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , uid, , inode] = line.trim().split(/\s+/);
    const [address = "", port = ""] = local.split(":");
    if (state !== listenState || inode === undefined || !/^([0-9A-F]{8}|[0-9A-F]{32})$/.test(address)) return [];
    return [{ address: addressText(address), port: Number.parseInt(port, 16), inode, uid: Number(uid) }];
  });
}

/** Groups of 32 bits in the machine's byte order: little-endian on every platform Keylime runs on. */
function addressText(hex: string): string {
  const bytes = hex.match(/.{8}/g)!.flatMap((word) => [...Buffer.from(word, "hex")].reverse());
  return bytes.length === 4 ? bytes.join(".") : ipv6Text(bytes);
}

function ipv6Text(bytes: readonly number[]): string {
  const buffer = Buffer.from(bytes);
  const isMapped = buffer.subarray(0, 12).equals(Buffer.from("00000000000000000000ffff", "hex"));
  if (isMapped) return [...buffer.subarray(12)].join(".");
  const groups = Array.from({ length: 8 }, (_, index) => buffer.readUInt16BE(2 * index).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
