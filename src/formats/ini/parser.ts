import { Problem, type SourcePosition } from "../../core/problem.js";
import type { Span } from "../line-index.js";
import type { IniComment, IniDocument, IniOption, IniSection } from "./document.js";
import { type IniLine, readLines, trimEndBlank, trimStartBlank } from "./lines.js";

export interface ParseIniOptions {
  /** The file's name, for positions in errors. */
  file?: string;
}

/**
 * Parses INI as Python's RawConfigParser does with its defaults (CPython 3.11 configparser `_read`): options are `=` or
 * `:`, comments are whole lines only, deeper indented lines go on with a value, option names are in lower case,
 * nothing is interpolated. Throws a Problem `keylime-conf-syntax` where configparser raises, with its line.
 */
export function parseIni(text: string, { file }: ParseIniOptions = {}): IniDocument {
  const parser = new Parser(file);
  for (const line of readLines(text)) parser.take(line);
  return parser.finish(text);
}

type OpenOption = Omit<IniOption, "value" | "valueLines"> & { parts: string[]; valueLines: [Span, ...Span[]] };
type OpenSection = Omit<IniSection, "options"> & { options: OpenOption[] };

class Parser {
  private readonly sections: OpenSection[] = [];
  private readonly comments: IniComment[] = [];
  private readonly seen = new Map<string, number>();
  private readonly bogus: IniLine[] = [];
  private option: OpenOption | undefined;
  private indent = 0;

  constructor(private readonly file: string | undefined) {}

  take(line: IniLine): void {
    if (line.content === "") this.option?.parts.push("");
    else if (/^[#;]/.test(line.content)) this.addComment(line);
    else if (this.option !== undefined && line.indent > this.indent) this.continueValue(line);
    else this.startAnew(line);
  }

  finish(text: string): IniDocument {
    if (this.bogus.length > 0) throw this.noOptions(this.bogus);
    const sections = this.sections.map((section) => ({ ...section, options: section.options.map(closeOption) }));
    return { text, sections, comments: this.comments };
  }

  private addComment(line: IniLine): void {
    this.comments.push({ section: this.sections.length - 1, span: line.span });
  }

  private continueValue(line: IniLine): void {
    this.option!.parts.push(line.content);
    this.option!.valueLines.push(line.span);
    this.sections.at(-1)!.end = line.span.end;
  }

  private startAnew(line: IniLine): void {
    this.indent = line.indent;
    const header = /^\[([^\n]+)\]/.exec(line.content);
    if (header !== null) this.startSection(line, header[1]!);
    else if (this.sections.length === 0) throw this.noSection(line);
    else this.startOptionAt(line, line.content.search(/[=:]/));
  }

  private startOptionAt(line: IniLine, delimiter: number): void {
    if (delimiter > 0) this.startOption(line, delimiter);
    else this.bogus.push(line);
    if (delimiter === 0) this.startNameless(line);
  }

  private startSection(line: IniLine, name: string): void {
    const { start, end, column } = line.span;
    this.option = undefined;
    // configparser lets DEFAULT come as often as it likes.
    if (name !== "DEFAULT") this.once(sectionKey(name), `section [${name}]`, line);
    const nameSpan = { start: start + 1, end: start + 1 + name.length, line: line.span.line, column: column + 1 };
    this.sections.push({ name, nameSpan, options: [], end });
  }

  private startOption(line: IniLine, delimiter: number): void {
    const section = this.sections.at(-1)!;
    const written = trimEndBlank(line.content.slice(0, delimiter));
    const name = written.toLowerCase();
    this.once(optionKey(section.name, name), `option ${written} of section [${section.name}]`, line);
    const afterDelimiter = line.content.slice(delimiter + 1);
    const value = trimStartBlank(afterDelimiter);
    const { start, end, column } = line.span;
    const valueStart = end - value.length;
    this.option = {
      name,
      key: { ...line.span, end: start + written.length },
      parts: [value],
      valueLines: [{ ...line.span, start: valueStart, column: column + valueStart - start }],
    };
    section.options.push(this.option);
    section.end = end;
  }

  /** configparser goes on behind a line it will refuse, and a nameless option ends the one before it. */
  private startNameless(line: IniLine): void {
    const { name } = this.sections.at(-1)!;
    this.once(optionKey(name, ""), `the option without a name in section [${name}]`, line);
    this.option = undefined;
  }

  private once(key: string, what: string, line: IniLine): void {
    const first = this.seen.get(key);
    if (first === undefined) this.seen.set(key, line.span.line);
    else throw this.problem(line, `${what} is given twice, first on line ${first}`, "remove one of the two");
  }

  private noSection(line: IniLine): Problem {
    const isMarked = line.content.startsWith("\uFEFF");
    return this.problem(
      line,
      isMarked ? "the file starts with a byte order mark, so its first line is no section" : "no section comes before",
      isMarked ? "save the file as UTF-8 without byte order mark" : "put a header such as [verifier] before this line",
    );
  }

  private noOptions(lines: readonly IniLine[]): Problem {
    const numbers = lines.map(({ span }) => span.line);
    const which = numbers.length === 1 ? "this line is" : `lines ${numbers.join(", ")} are`;
    const hint = "comment it out with #, or indent it when it goes on with the value above";
    return this.problem(lines[0]!, `${which} neither [section] nor option = value`, hint);
  }

  private problem(line: IniLine, message: string, hint: string): Problem {
    const at: SourcePosition = { line: line.span.line, column: line.span.column };
    if (this.file !== undefined) at.file = this.file;
    return new Problem("keylime-conf-syntax", message, { culprit: "configuration", at, hint });
  }
}

function sectionKey(name: string): string {
  return `[${name}]`;
}

function optionKey(section: string, name: string): string {
  return `[${section}]\n${name}`;
}

function closeOption({ parts, ...option }: OpenOption): IniOption {
  return { ...option, value: trimEndBlank(parts.join("\n")) };
}
