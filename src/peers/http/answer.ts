import { STATUS_CODES } from "node:http";

/** What a handler answers. `json` undefined means an empty body, which Keylime's web server labels `text/html`. */
export interface Answer {
  status: number;
  json?: unknown;
  /** Of the body; `application/json` when there is one and nothing else is said. */
  contentType?: string;
  headers?: Readonly<Record<string, string>>;
}

/** Keylime's 2.x envelope: `{code, status, results}`. */
export function envelope(status: number, text = STATUS_CODES[status] ?? "", results: unknown = {}): Answer {
  return { status, json: { code: status, status: text, results } };
}

export function success(results: unknown = {}): Answer {
  return envelope(200, "Success", results);
}

/** The error form of Keylime's own web framework (7.14: `keylime/web/base/action_handler.py`). */
export function refusal(status: number, detail: string): Answer {
  const error = { status: String(status), title: STATUS_CODES[status] ?? "", detail };
  return { status, json: { errors: [error] }, contentType: "application/json; charset=UTF-8" };
}

export function emptyAnswer(status: number, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers };
}
