/** A part of an IMA measurement list, and the entry it starts with. */
export interface ImaListPart {
  list: string;
  firstEntry: number;
}

/**
 * The entries from the wanted one on. One past the last gives an empty list; anything further starts over from entry 0,
 * as the Rust agent does when the list shrank below what a verifier has seen (keylime/src/ima/measurement_list.rs).
 */
export function imaListFrom(log: string, wanted: number): ImaListPart {
  let offset = 0;
  for (let entry = 0; entry < wanted; entry++) {
    const end = log.indexOf("\n", offset);
    if (end < 0) return { list: log, firstEntry: 0 };
    offset = end + 1;
  }
  return { list: log.slice(offset), firstEntry: wanted };
}
