/** One reason why an agent failed (`keylime/failure.py`): the id as the verifier shows it, the context as its JSON text. */
export interface FailureEvent {
  /** `component[.sub].event`, Keylime's spelling of `qoute_validation` included. */
  id: string;
  /** Written with Python's separators, because it is part of what clients read. */
  context: string;
}

/** Every event has the highest severity under the default policy: number of `emergency`. */
export const emergency = 6;

export function failureEvent(id: string, context: string | Record<string, unknown>): FailureEvent {
  return { id, context: pythonJson(typeof context === "string" ? { message: context } : context) };
}

/** JSON as Python's `json.dumps` writes it: a blank after each comma and colon, nothing beyond ASCII. */
function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([key, member]) => `${pythonJson(key)}: ${pythonJson(member)}`);
    return `{${members.join(", ")}}`;
  }
  const text = JSON.stringify(value) ?? "null";
  return text.replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
