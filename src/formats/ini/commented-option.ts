import type { Span } from "../line-index.js";
import type { IniComment, IniDocument, IniOption } from "./document.js";

/** A comment that would be an option without its comment sign: `#trusted_client_ca = ["ca.crt"]`. */
export interface CommentedOption {
  /** As written. */
  name: string;
  /** What the option's value would be: the rest of the line, which INI knows no comment in. */
  value: string;
  /** From the comment sign to the end of the line. */
  span: Span;
  /** Offset of the option's name. */
  nameStart: number;
}

/** The section's comments that hold the option, in the order of the text; none that stand inside another value. */
export function commentedOptions(document: IniDocument, section: string, name: string): CommentedOption[] {
  return document.comments
    .filter((comment) => document.sections[comment.section]?.name === section)
    .flatMap((comment) => readCommentedOption(document, comment) ?? [])
    .filter((option) => option.name.toLowerCase() === name.toLowerCase());
}

/** What a comment would set, undefined when it is prose, or stands inside another option's value. */
export function readCommentedOption(document: IniDocument, { span }: IniComment): CommentedOption | undefined {
  const [, sign, name, value] = /^([#;]+\s*)([^\s=:#;]+)\s*=\s*(.*)$/u.exec(slice(document, span)) ?? [];
  if (name === undefined || isInsideValue(document, span)) return undefined;
  return { name, value: value!, span, nameStart: span.start + sign!.length };
}

function isInsideValue({ sections }: IniDocument, { start }: Span): boolean {
  const goesOnBehind = ({ key, valueLines }: IniOption) => key.start < start && valueLines.at(-1)!.start > start;
  return sections.some(({ options }) => options.some(goesOnBehind));
}

function slice({ text }: IniDocument, { start, end }: Span): string {
  return text.slice(start, end);
}
