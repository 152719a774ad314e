/** Text that is HTML, SVG or XML already. Its private field keeps other objects that have a text from being taken for it. */
export class Markup {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get text(): string {
    return this.#text;
  }
}

type Value = string | number | Markup | readonly Markup[] | undefined | null | false;

/**
 * A template literal whose values are escaped for element content and quoted attributes, unless they are markup already.
 * undefined, null and false print nothing. Fits XML as well as HTML.
 */
export function markup(parts: TemplateStringsArray, ...values: Value[]): Markup {
  return new Markup(parts.reduce((text, part, i) => text + valueText(values[i - 1]) + part));
}

/** What comes between two pieces; none prints nothing. */
export function joined(pieces: readonly Markup[], between: string): Markup {
  return new Markup(pieces.map(({ text }) => text).join(between));
}

function valueText(value: Value): string {
  if (value === undefined || value === null || value === false) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "object") return value.map(({ text }) => text).join("");
  return visibleText(String(value)).replaceAll(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/**
 * Control characters are not allowed in XML, and those that turn the direction of the writing (UAX #9) let a name in a
 * certificate pass for another one: both are shown as their code. Half a surrogate pair is no character at all.
 */
function visibleText(text: string): string {
  return text
    .replaceAll(/\p{Surrogate}/gu, "\ufffd")
    .replaceAll(
      /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
}
