import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Conversation, type ConversationPlan, recordConversations } from "./trace-conversations.js";

/** Of each cycle of the capture: mostly short calls as Keylime makes them, and a few downloads that fill it. */
const cycle: readonly (ConversationPlan & { times: number })[] = [
  { version: "TLSv1.3", answerBytes: 2_000, times: 20 },
  { version: "TLSv1.2", answerBytes: 2_000, times: 20 },
  { version: "TLSv1.3", answerBytes: 100_000, times: 5 },
  { version: "TLSv1.2", answerBytes: 100_000, times: 5 },
  { version: "TLSv1.3", answerBytes: 1_000_000, times: 2 },
  { version: "TLSv1.2", answerBytes: 1_000_000, times: 2 },
  { version: "TLSv1.3", answerBytes: 8_000_000, times: 1 },
];

/** An Ethernet frame of 1500 bytes, headers taken off. */
const segmentBytes = 1448;
/** Connections whose packets take turns. */
const atOnce = 8;
const packetGapUs = 50;
const headersBytes = 14 + 20 + 20;

/** The path of a capture of at least this many bytes; made once and kept in the user's cache. */
export async function benchCapture(bytes: number): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "spire-keylime", "bench");
  const file = join(cache, `tls-${bytes}.pcap`);
  if (await exists(file)) return file;
  await mkdir(cache, { recursive: true });
  const conversations = await recordConversations(cycle);
  const templates = cycle.flatMap(({ times }, i) => Array<Conversation>(times).fill(conversations[i]!));
  writeCapture(`${file}.part`, templates.map(segmentsOf), bytes);
  renameSync(`${file}.part`, file);
  return file;
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

interface Segment {
  isFromClient: boolean;
  /** Of each direction, before this segment. */
  sequence: number;
  acknowledged: number;
  flags: number;
  payload: Buffer;
}

const flags = { fin: 0x11, syn: 0x02, synAck: 0x12, ack: 0x10, push: 0x18 } as const;

/** The TCP segments of a conversation, handshake and end of TCP included; every second one is acknowledged on its own. */
function segmentsOf({ pieces }: Conversation): Segment[] {
  const segments: Segment[] = [];
  const next = { client: 1000, server: 5000 };
  const add = (from: "client" | "server", kind: number, payload: Buffer = Buffer.alloc(0)): void => {
    const to = from === "client" ? "server" : "client";
    segments.push({
      isFromClient: from === "client",
      sequence: next[from],
      acknowledged: next[to],
      flags: kind,
      payload,
    });
    next[from] += payload.length + (kind === flags.syn || kind === flags.synAck || kind === flags.fin ? 1 : 0);
  };
  add("client", flags.syn);
  add("server", flags.synAck);
  add("client", flags.ack);
  for (const { from, bytes } of pieces) {
    const to = from === "client" ? "server" : "client";
    for (let at = 0; at < bytes.length; at += segmentBytes) {
      add(from, flags.push, bytes.subarray(at, at + segmentBytes));
      if ((at / segmentBytes) % 2 === 1 || at + segmentBytes >= bytes.length) add(to, flags.ack);
    }
  }
  add("client", flags.fin);
  add("server", flags.fin);
  add("client", flags.ack);
  return segments;
}

/** Repeats the conversations with other client ports until the file is large enough. */
function writeCapture(file: string, templates: readonly Segment[][], bytes: number): void {
  const output = new BufferedFile(file);
  const header = Buffer.alloc(24);
  for (const [i, word] of [0xa1b2c3d4, 0x00040002, 0, 0, 262_144, 1].entries()) header.writeUInt32LE(word, i * 4);
  output.write(header);
  let started = 0;
  let timeUs = 0;
  const begin = () => ({ segments: templates[started % templates.length]!, at: 0, number: started++ });
  const open = Array.from({ length: atOnce }, begin);
  while (open.length > 0) {
    for (const [turn, connection] of open.entries()) {
      const segment = connection.segments[connection.at++];
      timeUs += packetGapUs;
      if (segment !== undefined) output.write(packet(segment, connection.number, timeUs), segment.payload);
      else if (output.bytes < bytes) open[turn] = begin();
      else open.splice(turn, 1);
    }
  }
  output.close();
}

const startSeconds = 1_795_478_400;

/** A packet's record and headers, from 10.x.y.z to a verifier's port; checksums are left out. */
function packet(segment: Segment, number: number, timeUs: number): Buffer {
  const length = headersBytes + segment.payload.length;
  const bytes = Buffer.alloc(16 + headersBytes);
  bytes.writeUInt32LE(startSeconds + Math.floor(timeUs / 1_000_000), 0);
  bytes.writeUInt32LE(timeUs % 1_000_000, 4);
  bytes.writeUInt32LE(length, 8);
  bytes.writeUInt32LE(length, 12);
  bytes.writeUInt16BE(0x0800, 16 + 12);
  const ip = 30;
  bytes[ip] = 0x45;
  bytes.writeUInt16BE(40 + segment.payload.length, ip + 2);
  bytes[ip + 8] = 64;
  bytes[ip + 9] = 6;
  const tcp = ip + 20;
  const [client, server] = segment.isFromClient ? [0, 1] : [1, 0];
  bytes.writeUInt32BE(0x0a000002 + (number & 0xff), ip + 12 + client * 4);
  bytes.writeUInt32BE(0x0a000001, ip + 12 + server * 4);
  bytes.writeUInt16BE(20_000 + (number % 40_000), tcp + client * 2);
  bytes.writeUInt16BE(8881, tcp + server * 2);
  bytes.writeUInt32BE(segment.sequence, tcp + 4);
  bytes.writeUInt32BE(segment.acknowledged, tcp + 8);
  bytes[tcp + 12] = 0x50;
  bytes[tcp + 13] = segment.flags;
  bytes.writeUInt16BE(0xffff, tcp + 14);
  return bytes;
}

class BufferedFile {
  readonly #file: number;
  #parts: Buffer[] = [];
  #pending = 0;
  bytes = 0;

  constructor(path: string) {
    this.#file = openSync(path, "w", 0o644);
  }

  write(...parts: Buffer[]): void {
    this.#parts.push(...parts);
    for (const { length } of parts) this.#pending += length;
    if (this.#pending > 0x400000) this.#flush();
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    const joined = Buffer.concat(this.#parts);
    for (let at = 0; at < joined.length; ) at += writeSync(this.#file, joined, at);
    this.bytes += joined.length;
    this.#parts = [];
    this.#pending = 0;
  }
}
