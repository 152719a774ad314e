import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HclogReader, type PluginLogRecord } from "./hclog-record.js";

function recordsOf(...chunks: (string | Buffer)[]): PluginLogRecord[] {
  const records: PluginLogRecord[] = [];
  const reader = new HclogReader((record) => records.push(record));
  for (const chunk of chunks) reader.push(Buffer.from(chunk as string));
  reader.end();
  return records;
}

const stamp = '"@timestamp":"2026-08-01T12:00:00.000000+02:00"';

describe("HclogReader", () => {
  it("reads an hclog line with all its fields", () => {
    expect(recordsOf(`{"@level":"WARN","@message":"m","@module":"x",${stamp},"n":1}\n`)).toEqual([
      { level: "warn", message: "m", timestamp: "2026-08-01T12:00:00.000000+02:00", fields: { "@module": "x", n: 1 } },
    ]);
  });

  it.each([
    ["[ERROR] it broke", "error", "it broke"],
    ["[TRACE] deep", "trace", "deep"],
    ["plain", "debug", "plain"],
    ["panic: no", "error", "panic: no"],
    ['["@level"]', "debug", '["@level"]'],
    ['{"@level":"fatal","@message":"m"}', "debug", '{"@level":"fatal","@message":"m"}'],
    ['{"@level":"info","@message":"m","@timestamp":"2026-08-01T12:00:00Z"}', "debug", undefined],
    ['{"@level":"info","@message":"m"', "debug", undefined],
  ])("gives %s the level and text a host gives it", (line, level, message) => {
    expect(recordsOf(`${line}\n`)).toEqual([{ level, message: message ?? line, fields: {} }]);
  });

  it.each(["@level", "@message", "@timestamp"])("says that a %s that is no string makes a host panic", (key) => {
    const line = (value: string) => `{"@level":"info","@message":"m","${key}":${value}}`;
    expect(recordsOf(line("7"))).toMatchObject([{ panicsGoHost: `${key} is a number, not a string` }]);
    expect(recordsOf(line("null"))).toMatchObject([{ panicsGoHost: `${key} is null, not a string` }]);
  });

  it("takes everything after a panic as an error", () => {
    expect(recordsOf("panic: x\ngoroutine 1\n").map(({ level }) => level)).toEqual(["error", "error"]);
  });

  it("cuts a line of more than 64 KiB and goes on with the next", () => {
    const long = "x".repeat(70_000);
    const records = recordsOf(`${long}\n[INFO] next\n`);
    expect(records.map(({ level, message }) => [level, message.length])).toEqual([
      ["debug", 65_536],
      ["debug", 4464],
      ["info", 4],
    ]);
  });

  it("gives the same records however the bytes are cut", () => {
    const bytes = Buffer.from(`{"@level":"info","@message":"grüße",${stamp}}\r\n[WARN] ä\nrest`);
    const whole = recordsOf(bytes);
    expect(whole).toHaveLength(3);
    for (let at = 0; at <= bytes.length; at++) {
      expect(recordsOf(bytes.subarray(0, at), bytes.subarray(at))).toEqual(whole);
    }
  });

  it("never fails on any bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (chunks) => void recordsOf(...chunks.map((each) => Buffer.from(each)))),
    );
  });
});
