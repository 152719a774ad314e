import { describe, expect, it } from "vitest";
import { seededRandom } from "../../test/support/mutations.js";
import { HoldBudget } from "./held-segments.js";
import { TcpStream } from "./tcp-stream.js";

function collector(budget = new HoldBudget()) {
  let text = "";
  const stream = new TcpStream(
    {
      onBytes: (bytes, start, end) => {
        text += bytes.toString("latin1", start, end);
      },
      onGap: () => {
        text += "|";
      },
      canPass: () => false,
    },
    budget,
  );
  const push = (sequence: number, payload: string, cutBytes = 0): void => {
    const bytes = Buffer.from(payload, "latin1");
    stream.segment(bytes, 0, bytes.length, sequence >>> 0, cutBytes, 1, 0);
  };
  return { stream, push, text: () => text };
}

describe("TcpStream", () => {
  it("puts segments in order across retransmission, overlap and the wrap of sequence numbers", () => {
    const { stream, push, text } = collector();
    stream.start(0xfffffffb);
    push(0xfffffffc, "ab");
    push(0x00000000, "efgh");
    push(0xfffffffc, "ab");
    push(0xfffffffd, "bcdef");
    push(0x00000003, "hij");
    expect(text()).toBe("abcdefghij");
    expect(stream).toMatchObject({ lostBytes: 0, isMidStream: false });
  });

  it("gives any order of any cut the same bytes", () => {
    const whole = "the quick brown fox jumps over the lazy dog";
    for (let seed = 1; seed <= 500; seed++) {
      const random = seededRandom(seed);
      const segments: [number, string][] = [];
      for (let at = 0; at < whole.length; ) {
        const length = 1 + Math.floor(random() * 6);
        segments.push([at, whole.slice(at, at + length + Math.floor(random() * 3))]);
        at += length;
      }
      const { stream, push, text } = collector();
      stream.start(0xfffffff0);
      for (const [at, payload] of segments.sort(() => random() - 0.5)) push(0xfffffff1 + at, payload);
      expect(text()).toBe(whole);
    }
  });

  it("goes on behind bytes that never come, and says how many", () => {
    const { stream, push, text } = collector();
    stream.start(0);
    push(1, "ab");
    push(5, "ef");
    stream.finish();
    expect([text(), stream.lostBytes]).toEqual(["ab|ef", 2]);
  });

  it("takes what a short snapshot length cut off for lost", () => {
    const { stream, push, text } = collector();
    stream.start(0);
    push(1, "ab", 3);
    push(6, "fg");
    expect([text(), stream.lostBytes]).toEqual(["ab|fg", 3]);
  });

  it("starts in mid-stream with the first segment it sees", () => {
    const { stream, push, text } = collector();
    push(77, "xy");
    push(79, "z");
    expect([text(), stream.isMidStream]).toEqual(["xyz", true]);
  });

  it("gives a hole up rather than hold more than its share, of its own and of all streams", () => {
    const budget = new HoldBudget();
    const { stream, push } = collector(budget);
    stream.start(0);
    for (let i = 0; i < 2000; i++) push(1001 + i * 1000, "x".repeat(900));
    expect(budget.bytes).toBeLessThan(0x50000);
    stream.finish();
    expect(budget.bytes).toBe(0);
  });
});
