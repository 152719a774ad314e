/** One `Name=value` of a systemd unit file. */
export interface UnitAssignment {
  section: string;
  name: string;
  value: string;
  /** Counts from 1: where the assignment starts. */
  line: number;
}

/** The assignments of a unit file in order (systemd.syntax(7)): comments out, continued lines joined. */
export function parseUnit(text: string): UnitAssignment[] {
  const assignments: UnitAssignment[] = [];
  let section = "";
  for (const { text: line, number } of logicalLines(text)) {
    const header = /^\[(.*)\]$/.exec(line)?.[1];
    const assignment = /^([^=]+?)\s*=\s*(.*)$/s.exec(line);
    if (header !== undefined) section = header;
    else if (assignment !== null)
      assignments.push({ section, name: assignment[1]!, value: assignment[2]!, line: number });
  }
  return assignments;
}

/** A backslash at the end goes on in the next line, over comments in between; it stands for a blank. */
function logicalLines(text: string): { text: string; number: number }[] {
  const lines: { text: string; number: number }[] = [];
  let open: { text: string; number: number } | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (/^[#;]/.test(line)) continue;
    const current = open === undefined ? { text: line, number: index + 1 } : { ...open, text: `${open.text} ${line}` };
    open = current.text.endsWith("\\") ? { ...current, text: current.text.slice(0, -1).trimEnd() } : undefined;
    if (open === undefined && current.text !== "") lines.push(current);
  }
  return open === undefined ? lines : [...lines, open];
}

/** Words as `Environment=` and `ExecStart=` have them: blanks separate, either quote and the backslash protect. */
export function splitWords(text: string): string[] {
  const words = text.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')+/gs) ?? [];
  return words.map((word) =>
    word.replaceAll(/"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|\\(.)/gs, (_, double, single, escaped) =>
      (double ?? single ?? escaped).replaceAll(/\\(.)/gs, "$1"),
    ),
  );
}

/** An environment file (systemd.exec(5)): `NAME=value` lines with or without quotes. */
export function parseEnvironmentFile(text: string): { name: string; value: string; line: number }[] {
  return logicalLines(text).flatMap(({ text: line, number }) => {
    const match = /^(?:export\s+)?([A-Za-z_]\w*)=(.*)$/s.exec(line);
    return match === null ? [] : [{ name: match[1]!, value: splitWords(match[2]!).join(" "), line: number }];
  });
}
