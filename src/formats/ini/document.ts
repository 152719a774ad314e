import type { Span } from "../line-index.js";

/** `name = value`, the value going on in deeper indented lines. */
export interface IniOption {
  /** In lower case, as configparser knows it; `key` is how it is written. */
  name: string;
  key: Span;
  /** As configparser gives it: the lines joined with LF, blank ones inside kept, comment lines inside dropped. */
  value: string;
  /** Where the value's text stands, a span per line that has some; the first is the key's line, even when empty there. */
  valueLines: readonly [Span, ...Span[]];
}

/** One header and what follows it. Only `DEFAULT` may appear more than once in a file. */
export interface IniSection {
  name: string;
  /** The name between the brackets. */
  nameSpan: Span;
  options: readonly IniOption[];
  /** Offset where its last line ends (before the line break), comments and blank lines behind it not counted. */
  end: number;
}

/** A line that starts with `#` or `;`. */
export interface IniComment {
  /** Index in `sections`; -1 before the first header. */
  section: number;
  /** From the comment sign to the end of the line. */
  span: Span;
}

export interface IniDocument {
  text: string;
  sections: readonly IniSection[];
  comments: readonly IniComment[];
}

/** The option with this name (case does not matter) in the section itself; `DEFAULT` is not consulted. */
export function findOption(document: IniDocument, section: string, name: string): IniOption | undefined {
  const wanted = name.toLowerCase();
  return document.sections
    .filter((one) => one.name === section)
    .flatMap(({ options }) => options)
    .find((option) => option.name === wanted);
}
