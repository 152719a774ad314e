import type { LogLevel } from "../core/logger.js";

/** One line of a plugin's stderr, as the host of go-plugin v1.7 understands it (`client.go` logStderr, `log_entry.go`). */
export interface PluginLogRecord {
  level: LogLevel;
  message: string;
  /** As written by the plugin; absent for plain text. */
  timestamp?: string;
  /** Every other key of the JSON object, `@module` and `@caller` among them. */
  fields: Record<string, unknown>;
  /** Why this line would have made a Go host panic: a plugin must never write it. */
  panicsGoHost?: string;
}

const bufferBytes = 64 * 1024;
const levels: readonly string[] = ["trace", "debug", "info", "warn", "error"];
const timestampForm = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}(Z|[+-]\d{2}:\d{2})$/;

/** Turns the bytes of a plugin's stderr into records; holds at most 64 KiB, whatever arrives. */
export class HclogReader {
  readonly #emit: (record: PluginLogRecord) => void;
  #held: Buffer = Buffer.alloc(0);
  #inLongLine = false;
  #inPanic = false;

  constructor(emit: (record: PluginLogRecord) => void) {
    this.#emit = emit;
  }

  push(chunk: Buffer): void {
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    for (;;) {
      const end = rest.indexOf(0x0a);
      if (end !== -1 && end < bufferBytes) {
        this.#line(rest.subarray(0, end), false);
        rest = rest.subarray(end + 1);
      } else if (rest.length >= bufferBytes) {
        this.#line(rest.subarray(0, bufferBytes), true);
        rest = rest.subarray(bufferBytes);
      } else break;
    }
    this.#held = Buffer.from(rest);
  }

  /** The stream has ended: what was held is a line too. */
  end(): void {
    if (this.#held.length > 0) this.#line(this.#held, false);
    this.#held = Buffer.alloc(0);
  }

  #line(bytes: Buffer, isPrefix: boolean): void {
    const text = bytes.toString("utf8").replace(/\r$/, "");
    if (isPrefix || this.#inLongLine) {
      this.#inLongLine = isPrefix;
      this.#emit({ level: "debug", message: text, fields: {} });
      return;
    }
    const record = parseHclogObject(text) ?? parsePlainLine(text, this.#inPanic);
    this.#inPanic ||= /^(panic|fatal error): /.test(text);
    this.#emit(record);
  }
}

/** Parses one JSON line; undefined when a host would treat it as plain text. */
export function parseHclogObject(text: string): PluginLogRecord | undefined {
  const raw = parseObject(text);
  if (raw === undefined) return undefined;
  for (const key of ["@message", "@level", "@timestamp"]) {
    if (!Object.hasOwn(raw, key) || typeof raw[key] === "string") continue;
    const panicsGoHost = `${key} is ${raw[key] === null ? "null" : `a ${typeof raw[key]}`}, not a string`;
    return { level: "error", message: text, fields: {}, panicsGoHost };
  }
  const { "@message": message = "", "@level": level = "", "@timestamp": timestamp, ...fields } = raw;
  if (timestamp !== undefined && !timestampForm.test(String(timestamp))) return undefined;
  const known = String(level).trim().toLowerCase();
  if (!levels.includes(known)) return { level: "debug", message: text, fields: {} };
  return {
    level: known as LogLevel,
    message: String(message),
    ...(timestamp === undefined ? {} : { timestamp: String(timestamp) }),
    fields,
  };
}

function parsePlainLine(text: string, inPanic: boolean): PluginLogRecord {
  const [, tag, rest] = /^\[(TRACE|DEBUG|INFO|WARN|ERROR)\] ?(.*)$/s.exec(text) ?? [];
  if (tag !== undefined) return { level: tag.toLowerCase() as LogLevel, message: rest!, fields: {} };
  const isPanic = inPanic || /^(panic|fatal error): /.test(text);
  return { level: isPanic ? "error" : "debug", message: text, fields: {} };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
