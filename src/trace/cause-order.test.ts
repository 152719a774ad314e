import { describe, expect, it } from "vitest";
import { seededRandom } from "../../test/support/mutations.js";
import { tcpFlags } from "../formats/pcap/segment-reader.js";
import { CauseOrder } from "./cause-order.js";
import { HoldBudget } from "./held-segments.js";
import { TcpStream } from "./tcp-stream.js";

const { ack, fin, rst } = tcpFlags;
const client = 0;
const server = 1;
/** Sequence numbers of the two SYNs; the first bytes stand one behind. */
const starts = [0xfffffffb, 1000] as const;

interface Sent {
  from: 0 | 1;
  text: string;
  /** From 0: how many bytes of its own stand before it, and how many of the other side's had come. */
  at: number;
  had: number;
  flags?: number;
  cutBytes?: number;
}

/** Two directions and the order their segments are taken in. */
function ordering({ hasSyn = [true, true], budget = new HoldBudget() } = {}) {
  const taken: string[] = [];
  const read = ["", ""];
  const stream = (index: 0 | 1) =>
    new TcpStream(
      {
        onBytes: (bytes, start, end) => {
          read[index] += bytes.toString("latin1", start, end);
        },
        onGap: () => {
          read[index] += "|";
        },
        canPass: () => false,
      },
      budget,
    );
  const streams = [stream(client), stream(server)] as const;
  for (const index of [client, server] as const) if (hasSyn[index]) streams[index].start(starts[index]);
  const order = new CauseOrder(streams, budget, (from, segment, packet, timeMs) => {
    const { bytes, payloadStart, payloadEnd, sequence, cutBytes, flags } = segment;
    if (payloadStart !== payloadEnd || (flags & (fin | rst)) !== 0)
      taken.push(`${packet} ${bytes.toString("latin1", payloadStart, payloadEnd)}`);
    streams[from].segment(bytes, payloadStart, payloadEnd, sequence, cutBytes, packet, timeMs);
    if ((flags & fin) !== 0) streams[from].noteFin((sequence + payloadEnd - payloadStart) >>> 0);
  });
  let packet = 0;
  /** The packet's own buffer is overwritten afterwards, as a reader of a capture does. */
  const send = ({ from, text, at, had, flags = ack, cutBytes = 0 }: Sent): void => {
    const bytes = Buffer.from(`head${text}`, "latin1");
    const sequence = (starts[from] + 1 + at) >>> 0;
    const acknowledged = (starts[from === client ? server : client] + 1 + had) >>> 0;
    const segment = { bytes, payloadStart: 4, payloadEnd: bytes.length, cutBytes, sequence, acknowledged, flags };
    order.push(from, segment, ++packet, packet * 10);
    bytes.fill(0);
  };
  return { send, order, taken, read, streams, budget };
}

const hello: Sent = { from: client, text: "hello", at: 0, had: 0 };
const answer: Sent = { from: server, text: "answer", at: 0, had: 5 };
const finished: Sent = { from: client, text: "done", at: 5, had: 6 };

describe("CauseOrder", () => {
  it("takes a segment when all has been read that it acknowledges", () => {
    const { send, taken, read } = ordering();
    for (const each of [finished, answer, hello]) send(each);
    expect(taken).toEqual(["3 hello", "2 answer", "1 done"]);
    expect(read).toEqual(["hellodone", "answer"]);
  });

  it("gives any order of both directions one that nothing in it runs ahead of", () => {
    const sent: Sent[] = [];
    const ends = [0, 0];
    for (let i = 0; i < 12; i++) {
      const from = i % 3 === 1 ? server : client;
      const [text, other] = [String.fromCharCode(97 + i).repeat(3), from === client ? server : client];
      sent.push({ from, text, at: ends[from]!, had: ends[other]! });
      ends[from]! += 3;
    }
    const story = (each: readonly Sent[], from: 0 | 1) =>
      each.filter((segment) => segment.from === from).map(({ text }) => text);
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const shuffled = sent.map((each) => ({ each, key: random() })).sort((a, b) => a.key - b.key);
      const { send, taken, read, order, budget } = ordering();
      for (const { each } of shuffled) send(each);
      expect(read).toEqual([story(sent, client).join(""), story(sent, server).join("")]);
      const texts = taken.map((each) => each.split(" ")[1]!);
      for (const { from, text, had } of sent) {
        const before = texts.slice(0, texts.indexOf(text));
        const others = sent.filter((each) => each.from !== from && before.includes(each.text));
        expect(others.length * 3).toBeGreaterThanOrEqual(had);
      }
      order.stop();
      expect(budget.bytes).toBe(0);
    }
  });

  it("keeps to the capture's order where nothing is acknowledged that comes later", () => {
    const { send, taken } = ordering();
    for (const each of [hello, hello, answer, finished, { ...answer, text: "more", at: 6, had: 5 }]) send(each);
    expect(taken).toEqual(["1 hello", "2 hello", "3 answer", "4 done", "5 more"]);
  });

  it("waits for no bytes that were acknowledged before anything of their side was seen", () => {
    const { send, taken } = ordering({ hasSyn: [true, false] });
    send({ ...hello, had: 6 });
    send({ ...finished, had: 6 });
    expect(taken).toEqual(["1 hello", "2 done"]);
  });

  it("waits for no byte of a lost flight when what follows it is there", () => {
    const { send, taken, read } = ordering({ hasSyn: [true, false] });
    for (const each of [hello, finished, { ...answer, text: "later", at: 6, had: 9 }]) send(each);
    expect(taken).toEqual(["1 hello", "3 later", "2 done"]);
    expect(read).toEqual(["hellodone", "later"]);
  });

  it("waits behind a lost SYN-ACK for what is acknowledged beyond the first acknowledgement", () => {
    const { send, taken } = ordering({ hasSyn: [true, false] });
    send({ ...hello, text: "", had: 0 });
    for (const each of [hello, finished, answer]) send(each);
    expect(taken).toEqual(["2 hello", "4 answer", "3 done"]);
  });

  it("holds nothing of a side whose SYN is not in the capture", () => {
    const { send, taken, streams } = ordering({ hasSyn: [false, true] });
    for (const each of [hello, finished, answer]) send(each);
    expect(taken).toEqual(["1 hello", "2 done", "3 answer"]);
    expect(streams[client].isMidStream).toBe(true);
  });

  it("holds nothing that acknowledges nothing", () => {
    const { send, taken } = ordering();
    send({ ...finished, at: 0, flags: 0 });
    expect(taken).toEqual(["1 done"]);
  });

  it("takes an acknowledged FIN for no byte that is missing", () => {
    const { send, taken } = ordering();
    for (const each of [hello, { ...answer, flags: ack | fin }, { ...finished, had: 7 }]) send(each);
    expect(taken).toEqual(["1 hello", "2 answer", "3 done"]);
  });

  it("keeps a FIN and a RST behind what they acknowledge, without any bytes too", () => {
    const { send, taken } = ordering();
    send({ ...finished, text: "", flags: ack | fin });
    send({ ...finished, text: "", flags: ack | rst });
    for (const each of [answer, hello]) send(each);
    expect(taken).toEqual(["4 hello", "3 answer", "1 ", "2 "]);
  });

  it("holds no bare acknowledgement", () => {
    const { send, taken, budget } = ordering();
    send(hello);
    send({ ...finished, text: "" });
    expect([taken, budget.bytes]).toEqual([["1 hello"], 0]);
  });

  it("holds a segment of which the capture has no bytes, and tells the gap in its place", () => {
    const { send, read } = ordering();
    for (const each of [hello, { ...finished, text: "", cutBytes: 4 }, answer]) send(each);
    expect(read).toEqual(["hello|", "answer"]);
  });

  it("goes back to the capture's order for good when more waits than one connection may hold", () => {
    const { send, taken, budget } = ordering();
    const wait = (i: number) => send({ from: client, text: "x".repeat(900), at: i * 900, had: 6 });
    for (let i = 0; i < 59; i++) wait(i);
    expect(taken).toEqual([]);
    wait(59);
    expect(taken).toHaveLength(60);
    send({ ...finished, at: 54_000, had: 6 });
    expect(taken.at(-1)).toBe("61 done");
    expect(budget.bytes).toBe(0);
  });

  it("goes back to the capture's order when the whole trace holds too much", () => {
    const budget = new HoldBudget(1000);
    const other = ordering({ budget });
    other.send({ ...finished, at: 0, text: "x".repeat(790) });
    const { send, taken } = ordering({ budget });
    send({ ...finished, at: 0 });
    expect(taken).toEqual(["1 done"]);
    other.order.stop();
    expect(budget.bytes).toBe(0);
  });

  it("keeps to the capture's order behind the first 64 KB", () => {
    const { send, taken } = ordering();
    send({ ...hello, text: "x".repeat(0x10000) });
    send({ ...finished, at: 0x10000 });
    expect(taken.at(-1)).toMatch(/^1 x/);
    send({ ...answer, text: "y", had: 0 });
    send({ ...finished, text: "early", at: 0x10004, had: 99 });
    expect(taken.slice(1)).toEqual(["3 y", "2 done", "4 early"]);
  });

  it("takes what still waits when it is stopped, in the order of the capture", () => {
    const { send, order, taken, budget } = ordering();
    send({ ...finished, at: 0 });
    send({ ...finished, text: "more", at: 4 });
    order.stop();
    expect([taken, budget.bytes]).toEqual([["1 done", "2 more"], 0]);
  });
});
