import { parseDuration } from "../core/duration.js";
import { isObject } from "./call.js";

/**
 * Typed reading of a decoded JSON object. An absent field and null are the same to a reader; a field of another type is
 * an error that names it and tells the type only, since values may be secret. By hand because zod's load time (50 ms on
 * Node 20) would be most of the plugin's start.
 */
export class Fields {
  constructor(private readonly object: Readonly<Record<string, unknown>>) {}

  text(name: string): string | undefined {
    const value = this.object[name] ?? undefined;
    if (value === undefined || typeof value === "string") return value;
    throw wrongType(name, "text", value);
  }

  /** Text that is absent or empty is undefined. */
  filledText(name: string): string | undefined {
    return this.text(name) || undefined;
  }

  requiredText(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === "") throw new Error(`field ${name} is missing`);
    return value;
  }

  integer(name: string): number | undefined {
    const value = this.object[name] ?? undefined;
    if (value === undefined || (typeof value === "number" && Number.isSafeInteger(value))) return value;
    throw wrongType(name, "an integer", value);
  }

  requiredInteger(name: string): number {
    const value = this.integer(name);
    if (value === undefined) throw new Error(`field ${name} is missing`);
    return value;
  }

  /** Booleans as Keylime writes them: true and false, 1 and 0. */
  flag(name: string): boolean | undefined {
    const value = this.object[name] ?? undefined;
    if (value === undefined || typeof value === "boolean") return value;
    if (value === 0 || value === 1) return value === 1;
    throw wrongType(name, "true or false", value);
  }

  texts(name: string): readonly string[] {
    const value = this.object[name] ?? [];
    if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
    throw wrongType(name, "a list of texts", value);
  }

  /** Unix seconds, as milliseconds. */
  secondsAsMs(name: string): number | undefined {
    const seconds = this.integer(name);
    return seconds === undefined ? undefined : seconds * 1000;
  }

  /** `10s` */
  durationMs(name: string): number | undefined {
    const text = this.text(name);
    const ms = text === undefined ? undefined : parseDuration(text);
    if (text !== undefined && ms === undefined) throw new Error(`field ${name} is no duration`);
    return ms;
  }

  /** An object, or text that holds one as JSON; undefined for anything else, because operators write these fields. */
  embeddedObject(name: string): Readonly<Record<string, unknown>> | undefined {
    const value = this.object[name];
    if (typeof value !== "string") return isObject(value) ? value : undefined;
    try {
      const parsed: unknown = JSON.parse(value);
      return isObject(parsed) ? parsed : undefined;
    } catch {
      return undefined;
    }
  }

  base64(name: string): Buffer | undefined {
    const text = this.filledText(name)?.replaceAll(/\s/g, "");
    if (text === undefined) return undefined;
    if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new Error(`field ${name} is not base64`);
    return Buffer.from(text, "base64");
  }
}

function wrongType(name: string, expected: string, value: unknown): Error {
  const found = value === null ? "null" : Array.isArray(value) ? "a list" : typeof value;
  return new Error(`field ${name}: expected ${expected}, found ${found}`);
}
