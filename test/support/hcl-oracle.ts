import { parse as goParse } from "hcl-parser";
import type { HclItem, HclValue } from "../../src/formats/hcl/document.js";

export const rejected = Symbol("rejected");

/** What hashicorp/hcl 1 decodes, or `rejected`. */
export function byGo(text: string): unknown {
  try {
    const [document, error] = goParse(text);
    return error === null ? document : rejected;
  } catch {
    return rejected;
  }
}

/** Go's decoder judges a key that is given twice by the type of its first value: not what is compared here. */
export function repeatsAKey(items: readonly HclItem[]): boolean {
  const seen = new Set<string>();
  return items.some(({ keys, form, value }) => {
    const repeated = seen.has(keys[0].name);
    seen.add(keys[0].name);
    return (repeated && (form === "assignment" || keys.length > 1)) || valueRepeatsAKey(value);
  });
}

function valueRepeatsAKey(value: HclValue): boolean {
  if (value.kind === "object") return repeatsAKey(value.items);
  return value.kind === "list" && value.items.some(valueRepeatsAKey);
}
