import { errorText, Problem } from "../core/problem.js";

/** A stretch of a text (offsets in UTF-16 units, `end` exclusive) and what shall stand there instead. */
export interface Splice {
  start: number;
  end: number;
  text: string;
}

/**
 * The text with all splices applied; every other character stays. Splices name offsets of the text as given, in any
 * order; two at one offset come in the order given. Throws a Problem `edit-conflict` when two overlap.
 */
export function applySplices(text: string, splices: readonly Splice[]): string {
  const ordered = splices.toSorted((a, b) => a.start - b.start || a.end - b.end);
  let result = "";
  let at = 0;
  for (const splice of ordered) {
    if (splice.start < at) throw overlap();
    result += text.slice(at, splice.start) + splice.text;
    at = splice.end;
  }
  return result + text.slice(at);
}

function overlap(): Problem {
  return new Problem("edit-conflict", "two changes of one file touch the same place", {
    culprit: "ours",
    hint: "apply one of them, then ask again",
  });
}

/** Why a file is left as it is. */
export function editImpossible(why: string): Problem {
  return new Problem("edit-impossible", `the file was not changed: ${why}`, {
    culprit: "configuration",
    hint: "make the change by hand",
  });
}

/** What a changed text parses to; one that does not parse means that the change is impossible, not that a file is bad. */
export function parseResult<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw editImpossible(`with the change it could not be read: ${errorText(error)}`);
  }
}
