import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LogFields } from "../core/logger.js";
import { createHclogLogger, hclogLine } from "./hclog.js";
import { parseHclogObject } from "./hclog-record.js";

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5, 6);

describe("hclogLine", () => {
  it("writes the keys, the six fractional digits and the zone a host reads", () => {
    const fields = { agent_id: "a\nb", count: 3, ok: true, nothing: undefined };
    expect(hclogLine({ level: "info", message: "hello", nowMs, module: "keylime", fields })).toBe(
      '{"@level":"info","@message":"hello","@timestamp":"2026-01-02T03:04:05.006000Z","@module":"keylime","agent_id":"a\\nb","count":3,"ok":true}',
    );
  });

  it("never lets a field take the place of a key the host relies on", () => {
    const fields = { "@level": 7, "@message": "x", "@timestamp": "y", __proto__: "z" } as LogFields;
    expect(JSON.parse(hclogLine({ level: "warn", message: "m", nowMs, fields }))).toEqual({
      "@level": "warn",
      "@message": "m",
      "@timestamp": "2026-01-02T03:04:05.006000Z",
      field_level: 7,
      field_message: "x",
      field_timestamp: "y",
    });
  });

  it("forces strings whatever was given", () => {
    const odd = {
      level: "info",
      message: 42,
      nowMs: Number.NaN,
      fields: { a: { b: 1 }, c: Number.NaN, d: null, e: 1n },
    };
    expect(JSON.parse(hclogLine(odd as never))).toEqual({
      "@level": "info",
      "@message": "42",
      "@timestamp": "1970-01-01T00:00:00.000000Z",
      a: "[object Object]",
      c: "NaN",
      d: "null",
      e: "1",
    });
    const unprintable = { message: Object.create(null), level: "info", nowMs };
    expect(JSON.parse(hclogLine(unprintable as never))["@message"]).toBe("unprintable value");
  });

  it("cuts long strings and says by how much", () => {
    const line = JSON.parse(hclogLine({ level: "info", message: "m".repeat(20_000), nowMs }));
    expect(line["@message"]).toBe(`${"m".repeat(16_384)}… (3616 characters cut)`);
  });

  it.each([
    ["a long message", { message: "ü".repeat(200_000), fields: {} }],
    [
      "long fields",
      {
        message: "m",
        fields: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, "\u0001".repeat(9000)])),
      },
    ],
    [
      "many fields",
      { message: "m", fields: Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`k${i}`, i])) },
    ],
    ["long keys", { message: "m", fields: { ["k".repeat(100_000)]: 1 } }],
  ])("stays below 64 KiB with %s", (_name, entry) => {
    const line = hclogLine({ level: "error", nowMs, ...entry });
    expect(Buffer.byteLength(line)).toBeLessThan(64 * 1024 - 1);
    expect(parseHclogObject(line)).toMatchObject({ level: "error", timestamp: "2026-01-02T03:04:05.006000Z" });
  });

  it("writes one line that every host understands, whatever the fields", () => {
    fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.string(), fc.anything()), (message, fields) => {
        const line = hclogLine({ level: "error", message, nowMs, fields: fields as LogFields });
        expect(line).not.toContain("\n");
        expect(parseHclogObject(line)).toMatchObject({ level: "error", timestamp: "2026-01-02T03:04:05.006000Z" });
      }),
    );
  });
});

describe("createHclogLogger", () => {
  it("writes from its least level on", () => {
    const lines: string[] = [];
    const logger = createHclogLogger({
      level: "warn",
      writeLine: (line) => lines.push(line),
      clock: { nowMs: () => nowMs },
    });
    logger.log("info", "quiet");
    logger.log("error", "loud");
    expect(lines).toEqual(['{"@level":"error","@message":"loud","@timestamp":"2026-01-02T03:04:05.006000Z"}']);
  });
});
