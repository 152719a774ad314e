/** A name in quotes (which the agent keeps as part of it, unless it is empty), or one without. */
const name = /'([^']*)'|"([^"]*)"|[^,\s]+/y;
const nameInBrackets = /'([^']*)'|"([^"]*)"|[^,\s\]]+/y;

/**
 * The names of a list as the Rust agent reads it (rust-keylime 0.2.9 list.pest): with or without brackets, separated by
 * commas or blanks, quotes kept. Undefined when it is none, as with two commas.
 */
export function parseAgentList(text: string): string[] | undefined {
  const inner = /^\s*\[([\s\S]*)\]\s*$/.exec(text)?.[1];
  const bracketed = inner === undefined ? undefined : namesOf(inner, nameInBrackets);
  return bracketed ?? namesOf(text, name);
}

function namesOf(text: string, pattern: RegExp): string[] | undefined {
  const names: string[] = [];
  let mayHaveComma = true;
  for (let at = 0; at < text.length; ) {
    if (/\s/.test(text[at]!)) {
      at++;
      continue;
    }
    if (text[at] === ",") {
      if (!mayHaveComma) return undefined;
      mayHaveComma = false;
      at++;
      continue;
    }
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) return undefined;
    if (found[1] !== "" && found[2] !== "") names.push(found[0]);
    mayHaveComma = true;
    at = pattern.lastIndex;
  }
  return names;
}
