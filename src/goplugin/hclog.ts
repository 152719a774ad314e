import { type Clock, systemClock } from "../core/clock.js";
import type { LogFields, Logger, LogLevel } from "../core/logger.js";
import { LineSink } from "./line-sink.js";

/** Hosts read stderr with a buffer of 64 KiB and cut what is longer; the line feed counts. */
const maxLineBytes = 64 * 1024 - 1;

const levels: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error"];

export interface HclogOptions {
  /** Goes into `@module`. */
  module?: string;
  /** The least level that is written; default debug. */
  level?: LogLevel;
  /** Where lines go; default: this process's stderr. */
  writeLine?: (line: string) => void;
  clock?: Clock;
}

/**
 * A logger that writes what a go-plugin host reads: one hclog JSON object per line on stderr. It never throws, never
 * blocks, and no field can take the place of `@level`, `@message` or `@timestamp` (a host panics when these are not
 * strings: go-plugin v1.7 `log_entry.go`).
 */
export function createHclogLogger(options: HclogOptions = {}): Logger {
  const least = levels.indexOf(options.level ?? "debug");
  const clock = options.clock ?? systemClock;
  return {
    log(level, message, fields) {
      if (levels.indexOf(level) < least) return;
      const line = hclogLine({ level, message, nowMs: clock.nowMs(), module: options.module, fields });
      (options.writeLine ?? writeToStderr)(line);
    },
  };
}

export interface HclogEntry {
  level: LogLevel;
  message: string;
  nowMs: number;
  module?: string | undefined;
  fields?: LogFields | undefined;
}

/** One line without its line feed, shorter than 64 KiB: long strings are cut, and say by how much. */
export function hclogLine(entry: HclogEntry): string {
  for (let maxCharacters = 16_384; maxCharacters >= 64; maxCharacters /= 4) {
    const line = JSON.stringify(entryObject(entry, maxCharacters));
    if (Buffer.byteLength(line) < maxLineBytes) return line;
  }
  const fields = { dropped_fields: Object.keys(entry.fields ?? {}).length };
  return JSON.stringify(entryObject({ ...entry, fields }, 1024));
}

function entryObject(entry: HclogEntry, maxCharacters: number): object {
  const pairs: [string, unknown][] = [
    ["@level", String(entry.level)],
    ["@message", cut(textOf(entry.message), maxCharacters)],
    ["@timestamp", timestamp(entry.nowMs)],
  ];
  if (entry.module !== undefined) pairs.push(["@module", cut(entry.module, 128)]);
  for (const [key, value] of Object.entries(entry.fields ?? {})) {
    if (value === undefined) continue;
    pairs.push([cut(key, 128).replace(/^@/, "field_"), fieldValue(value, maxCharacters)]);
  }
  return Object.fromEntries(pairs);
}

function fieldValue(value: unknown, maxCharacters: number): string | number | boolean {
  if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) return value;
  return cut(textOf(value), maxCharacters);
}

function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "unprintable value";
  }
}

function cut(text: string, maxCharacters: number): string {
  const over = text.length - maxCharacters;
  return over <= 0 ? text : `${text.slice(0, maxCharacters)}… (${over} characters cut)`;
}

// Hosts take exactly six fractional digits and a zone; anything else turns the line into raw text at debug.
function timestamp(nowMs: number): string {
  const text = Math.abs(nowMs) < 8.64e15 ? new Date(nowMs).toISOString() : "";
  return /^\d{4}-/.test(text) ? text.replace("Z", "000Z") : "1970-01-01T00:00:00.000000Z";
}

let sink: LineSink | undefined;

/** The one way of this process to its stderr, so that what is held for a host that does not read stays bounded. */
export function stderrSink(): LineSink {
  sink ??= new LineSink(process.stderr, (dropped_lines) =>
    hclogLine({
      level: "warn",
      message: "log lines dropped: the host does not read stderr",
      nowMs: systemClock.nowMs(),
      fields: { dropped_lines },
    }),
  );
  return sink;
}

function writeToStderr(line: string): void {
  stderrSink().writeLine(line);
}
