/** What a line may be long where no terminal says, indentation included and where there is a blank to break at. */
const usualWidth = 110;

/** Breaks a text at blanks; the first line starts with `first`, the others with `indent`. */
export function wrapped(text: string, first: string, indent: string, width = usualWidth): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(" ")) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
