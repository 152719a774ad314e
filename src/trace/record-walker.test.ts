import { describe, expect, it } from "vitest";
import { mutations } from "../../test/support/mutations.js";
import { RecordWalker } from "./record-walker.js";

const record = (type: number, body: string): Buffer => {
  const header = Buffer.from([type, 3, 3, 0, 0]);
  header.writeUInt16BE(body.length, 3);
  return Buffer.concat([header, Buffer.from(body)]);
};

function walk(chunks: readonly Buffer[]): string[] {
  const seen: string[] = [];
  const walker = new RecordWalker({
    wantsBody: (type) => type !== 0x17,
    onRecord: (type, _version, length, body) => void seen.push(`${type} ${body?.toString() ?? `${length} skipped`}`),
    onNoRecord: (header) => void seen.push(`no record ${header.toString("hex")}`),
  });
  for (const chunk of chunks) walker.push(chunk, 0, chunk.length);
  return seen;
}

const stream = Buffer.concat([
  record(0x16, "hello"),
  record(0x17, "secret data"),
  record(0x15, "al"),
  record(0x16, ""),
]);
const expected = ["22 hello", "23 11 skipped", "21 al", "22 "];

describe("RecordWalker", () => {
  it("reads records cut at every pair of bytes, and steps over what nobody wants", () => {
    for (let a = 0; a <= stream.length; a++) {
      for (let b = a; b <= stream.length; b++) {
        expect(walk([stream.subarray(0, a), stream.subarray(a, b), stream.subarray(b)])).toEqual(expected);
      }
    }
  });

  it("finds the next record at the start of a segment after bytes that are none", () => {
    expect(walk([record(0x16, "a"), Buffer.from("GET / HTTP/1.1"), record(0x15, "xy")])).toEqual([
      "22 a",
      "no record 474554202f",
      "21 xy",
    ]);
  });

  it("tells a peer that speaks no TLS by its first byte", () => {
    expect(walk([Buffer.from("H")])).toEqual(["no record 48"]);
  });

  it("survives damage", () => {
    for (const damaged of mutations(stream, 20_000)) walk([damaged.subarray(0, 9), damaged.subarray(9)]);
  });
});
