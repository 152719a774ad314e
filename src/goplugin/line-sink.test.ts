import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { LineSink } from "./line-sink.js";

/** A stream that takes nothing until it is opened. */
function blockedStream() {
  const written: string[] = [];
  let release: (() => void) | undefined;
  let isOpen = false;
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      written.push(String(chunk));
      if (isOpen) done();
      else release = done;
    },
  });
  const open = () => {
    isOpen = true;
    release?.();
  };
  return { stream, written, open };
}

const notice = (count: number) => `dropped ${count}`;

describe("LineSink", () => {
  it("holds a bounded number of bytes, and tells how many lines it dropped when the reader reads again", async () => {
    const { stream, written, open } = blockedStream();
    const sink = new LineSink(stream, notice, 1000);
    for (let i = 0; i < 100; i++) sink.writeLine(`line ${i} ${"x".repeat(90)}`);
    expect(stream.writableLength).toBeLessThanOrEqual(1000);
    open();
    await sink.flush(1000);
    sink.writeLine("after");
    await sink.flush(1000);
    const kept = written.filter((line) => line.startsWith("line"));
    expect(kept.length).toBeGreaterThan(5);
    expect(written.slice(kept.length)).toEqual([`dropped ${100 - kept.length}\n`, "after\n"]);
  });

  it("is silent on a broken stream", async () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) });
    const sink = new LineSink(stream, notice);
    sink.writeLine("a");
    await new Promise(setImmediate);
    expect(() => sink.writeLine("b")).not.toThrow();
    await sink.flush(10_000);
  });

  it("does not wait longer than it is told for a reader that does not read", async () => {
    const sink = new LineSink(blockedStream().stream, notice);
    sink.writeLine("a");
    const startMs = performance.now();
    await sink.flush(30);
    expect(performance.now() - startMs).toBeLessThan(5000);
  });
});
