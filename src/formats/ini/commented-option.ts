import type { Span } from "../line-index.js";
import type { IniDocument, IniOption } from "./document.js";

/** A comment that would be an option without its comment sign: `#trusted_client_ca = ["ca.crt"]`. */
export interface CommentedOption {
  /** What the option's value would be: the rest of the line, which INI knows no comment in. */
  value: string;
  /** From the comment sign to the end of the line. */
  span: Span;
  /** Offset of the option's name. */
  nameStart: number;
}

/** The section's comments that hold the option, in the order of the text; none that stand inside another value. */
export function commentedOptions(document: IniDocument, section: string, name: string): CommentedOption[] {
  const wanted = name.toLowerCase();
  return document.comments.flatMap(({ section: index, span }) => {
    if (document.sections[index]?.name !== section) return [];
    const [, sign, written, value] = /^([#;]+\s*)([^\s=:#;]+)\s*=\s*(.*)$/u.exec(slice(document, span)) ?? [];
    if (written?.toLowerCase() !== wanted || isInsideValue(document, span)) return [];
    return [{ value: value!, span, nameStart: span.start + sign!.length }];
  });
}

function isInsideValue({ sections }: IniDocument, { start }: Span): boolean {
  const goesOnBehind = ({ key, valueLines }: IniOption) => key.start < start && valueLines.at(-1)!.start > start;
  return sections.some(({ options }) => options.some(goesOnBehind));
}

function slice({ text }: IniDocument, { start, end }: Span): string {
  return text.slice(start, end);
}
