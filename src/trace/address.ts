import { isIPv4, isIPv6 } from "node:net";

/** `10.0.0.1`, or IPv6 in the form of RFC 5952. */
export function addressText(address: Buffer): string {
  if (address.length === 4) return address.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => address.readUInt16BE(i * 2).toString(16));
  const run = longestZeroRun(groups);
  if (run.length < 2) return groups.join(":");
  return `${groups.slice(0, run.start).join(":")}::${groups.slice(run.start + run.length).join(":")}`;
}

function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === "0") length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** 4 or 16 bytes, undefined when the text is no address. */
export function parseAddress(text: string): Buffer | undefined {
  if (isIPv4(text)) return Buffer.from(text.split(".").map(Number));
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const mapped = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [hexPair(a, b), hexPair(c, d)].join(":"),
  );
  const [left = "", right] = mapped.split("::");
  const groups = (part: string): string[] => (part === "" ? [] : part.split(":"));
  const tail = right === undefined ? [] : groups(right);
  const filling = Array(8 - groups(left).length - tail.length).fill("0");
  const bytes = Buffer.alloc(16);
  for (const [i, group] of [...groups(left), ...filling, ...tail].entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), i * 2);
  return bytes;
}

function hexPair(high: string, low: string): string {
  return (Number(high) * 256 + Number(low)).toString(16);
}
