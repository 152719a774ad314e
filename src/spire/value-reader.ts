import { durationText, parseDuration } from "../core/duration.js";
import { nearestName } from "../core/nearest.js";
import type { HclValue } from "../formats/hcl/document.js";
import type { Findings } from "./findings.js";
import { bareHost, hostFlaw, parseHttpsAddress, parsePort } from "./host.js";
import { type RawEntry, shown } from "./raw-data.js";
import type { KeySchema } from "./schema.js";
import type { FileSetting, Origin } from "./settings.js";

const longestPath = 4096;
const mostItems = 64;

/**
 * Reads the values of `plugin_data` by the schema. A value that is wrong is reported and read as if it were absent, so
 * that what follows is judged too. An empty string counts as absent, as it does for the Go plugin.
 */
export class ValueReader<Key extends string> {
  constructor(
    private readonly keys: Readonly<Record<Key, KeySchema>>,
    private readonly entries: ReadonlyMap<string, RawEntry>,
    private readonly findings: Findings,
  ) {}

  isSet(key: Key): boolean {
    const value = this.entries.get(key)?.value;
    return value !== undefined && !(value.kind === "string" && value.value === "");
  }

  origin(key: Key): Origin {
    const entry = this.entries.get(key);
    if (entry === undefined || !this.isSet(key)) return { key, isDefault: true };
    const at = this.findings.position(entry.value.span);
    return { key: entry.written.name, isDefault: false, ...(at === undefined ? {} : { at }) };
  }

  origins(): Readonly<Record<Key, Origin>> {
    const all = (Object.keys(this.keys) as Key[]).map((key) => [key, this.origin(key)]);
    return Object.fromEntries(all) as Record<Key, Origin>;
  }

  host(key: Key): string | undefined {
    const text = this.text(key, "a host name or address in double quotes");
    const flaw = text === undefined ? undefined : hostFlaw(text);
    if (flaw === undefined) return bareHost(text ?? this.defaultText(key) ?? "") || undefined;
    this.bad(key, `${this.written(key)} is ${shown(text!)}: ${flaw}`);
    return undefined;
  }

  port(key: Key): number {
    const text = this.text(key, "a port number (1 to 65535)");
    const port = text === undefined ? undefined : parsePort(text);
    if (text !== undefined && port === undefined) {
      this.bad(key, `${this.written(key)} is ${shown(text)}: it is no port number from 1 to 65535`);
    }
    return port ?? Number(this.defaultText(key));
  }

  file(key: Key): FileSetting | undefined {
    const written = this.text(key, "the path of a file in double quotes");
    const flaw = written === undefined ? undefined : pathFlaw(written);
    if (flaw !== undefined) this.bad(key, `${this.written(key)} is ${shown(written!)}: ${flaw}`);
    const path = written ?? this.defaultText(key);
    return path === undefined ? undefined : { path, ...this.origin(key) };
  }

  boolean(key: Key): boolean {
    const value = this.value(key);
    if (value === undefined) return this.keys[key].default === true;
    if (value.kind === "boolean") return value.value;
    const quoted = value.kind === "string" && /^(true|false)$/i.test(value.value);
    const hint = quoted ? `write ${value.value.toLowerCase()} without quotes` : undefined;
    this.bad(key, `${this.written(key)} must be true or false, found ${kindName(value)}`, hint);
    return this.keys[key].default === true;
  }

  /** One of the words; true and false may stand bare. */
  choice(key: Key): string {
    const value = this.value(key);
    const { words = [] } = this.keys[key];
    const text =
      value?.kind === "boolean" ? String(value.value) : this.text(key, `one of ${words.join(", ")} in double quotes`);
    if (text === undefined || words.includes(text)) return text ?? this.defaultText(key)!;
    this.bad(
      key,
      `${this.written(key)} is ${shown(text)}: it must be one of ${words.join(", ")}`,
      didYouMean(text, words),
    );
    return this.defaultText(key)!;
  }

  /** Milliseconds, or the word that may stand in their place. */
  duration(key: Key): number | string {
    const { words = [], rangeMs = [0, Number.POSITIVE_INFINITY] } = this.keys[key];
    const value = this.value(key);
    if (value?.kind === "number") {
      this.bad(key, `${this.written(key)} must be a duration, found a number`, `add a unit, as in "${value.text}s"`);
    }
    const written = value?.kind === "number" ? undefined : this.text(key, 'a duration such as "10s"');
    const text = written ?? this.defaultText(key)!;
    if (words.includes(text)) return text;
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= rangeMs[0] && ms <= rangeMs[1]) return ms;
    const range = `from ${durationText(rangeMs[0])} to ${durationText(rangeMs[1])}`;
    const alternatives = words.map((word) => ` or "${word}"`).join("");
    this.bad(
      key,
      `${this.written(key)} is ${shown(text)}: it must be a duration ${range}, such as "10s"${alternatives}`,
    );
    return rangeMs[0];
  }

  /** A list of words without repetitions, in the order of the schema; "all" where that is the default. */
  names(key: Key): string[] {
    const { words = [], default: fallback } = this.keys[key];
    const value = this.value(key);
    const all = value === undefined && fallback === "all";
    if (all || (fallback === "all" && value?.kind === "string" && value.value === "all")) return [...words];
    const list = value === undefined ? (fallback as readonly string[]) : this.texts(key, value, words);
    for (const text of list.filter((one) => !words.includes(one))) {
      const hint = didYouMean(text, words) ?? `it knows ${words.join(", ")}`;
      this.bad(key, `${this.written(key)} names ${shown(text)}, which it does not know`, hint);
    }
    if (value?.kind === "list" && value.items.length === 0 && fallback !== "all") {
      this.bad(key, `${this.written(key)} allows nothing, so everything would be refused`, "name one at least");
    }
    return words.filter((word) => list.includes(word));
  }

  /** The addresses of a list of `https://host:port`, without repetitions. */
  urls(key: Key): { host: string; port: number }[] {
    const value = this.value(key);
    const addresses = new Map<string, { host: string; port: number }>();
    for (const text of value === undefined ? [] : this.texts(key, value, ["https://<host>:<port>"])) {
      const address = parseHttpsAddress(text);
      if (typeof address === "string") this.bad(key, `${this.written(key)} names ${shown(text)}: ${address}`);
      else addresses.set(`${address.host.toLowerCase()} ${address.port}`, address);
    }
    return [...addresses.values()];
  }

  template(key: Key, flawOf: (template: string) => string | undefined): string {
    const text = this.text(key, "a template in double quotes") ?? this.defaultText(key)!;
    const flaw = flawOf(text);
    if (flaw !== undefined) this.bad(key, `${this.written(key)} is ${shown(text)}: ${flaw}`);
    return text;
  }

  bad(key: Key, message: string, hint?: string): void {
    this.findings.problem("plugin-bad-value", message, this.entries.get(key)?.value.span, hint);
  }

  private value(key: Key): HclValue | undefined {
    return this.isSet(key) ? this.entries.get(key)!.value : undefined;
  }

  private written(key: Key): string {
    return this.entries.get(key)?.written.name ?? key;
  }

  private defaultText(key: Key): string | undefined {
    const { default: fallback } = this.keys[key];
    return typeof fallback === "string" ? fallback : undefined;
  }

  /** Go's decoder takes an integer where it wants a string, and nothing else but strings. */
  private text(key: Key, wanted: string): string | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (value.kind === "string") return this.noteVariables(key, value);
    if (value.kind === "number" && value.integer) return value.text;
    this.bad(key, `${this.written(key)} must be ${wanted}, found ${kindName(value)}`);
    return undefined;
  }

  private noteVariables(key: Key, value: HclValue & { kind: "string" }): string {
    if (/\$\{[A-Za-z_]\w*\}/.test(value.value)) {
      const message = `${this.written(key)} still has a variable in it: ${shown(value.value)}`;
      const hint = "start SPIRE with -expandEnv, or write the value itself";
      this.findings.warning("plugin-unexpanded-variable", message, value.span, hint);
    }
    return value.value;
  }

  private texts(key: Key, value: HclValue, words: readonly string[]): string[] {
    if (value.kind !== "list") {
      const hint = value.kind === "string" ? `write it as [${shown(value.value)}]` : `write it as ["${words[0]}"]`;
      this.bad(key, `${this.written(key)} must be a list of strings, found ${kindName(value)}`, hint);
      return [];
    }
    if (value.items.length > mostItems) this.bad(key, `${this.written(key)} has more than ${mostItems} items`);
    const items = value.items.slice(0, mostItems);
    const wrong = items.find((item) => item.kind !== "string");
    if (wrong !== undefined)
      this.bad(key, `${this.written(key)} must hold strings only, found ${kindName(wrong)} among them`);
    return items.flatMap((item) => (item.kind === "string" ? [item.value] : []));
  }
}

function pathFlaw(path: string): string | undefined {
  if (path.length > longestPath) return `it is longer than ${longestPath} characters`;
  return /\p{Cc}/u.test(path) ? "it has control characters in it" : undefined;
}

/** Other digits are another thing and no slip: sha512 is not what was meant by sha1, nor 2.2 by 3.0. */
function didYouMean(text: string, words: readonly string[]): string | undefined {
  const digits = digitsOf(text);
  const nearest =
    text.length > 80
      ? undefined
      : nearestName(
          text,
          words.filter((each) => digitsOf(each) === digits),
        );
  return nearest === undefined ? undefined : `did you mean ${nearest}?`;
}

const digitsOf = (text: string): string => text.replaceAll(/\D/g, "");

function kindName(value: HclValue): string {
  switch (value.kind) {
    case "object":
      return "a block";
    case "null":
      return "nothing";
    case "number":
      return `the number ${value.text.slice(0, 40)}`;
    case "boolean":
      return `the boolean ${value.value}`;
    default:
      return `a ${value.kind}`;
  }
}
