import type { Answer } from "./answer.js";

/** Who may call: Keylime 7.14's simple authorization provider (`keylime/authorization/providers/simple.py`). */
export type Access = "public" | "agent-or-admin" | "admin";

export interface PeerRequest {
  method: string;
  /** The path as sent, without the query. */
  path: string;
  /** Values of the pattern's `:name` segments, as sent. */
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  body: Buffer;
  /** The body as an object, when the content type says JSON and it is one; an empty object otherwise. */
  json: Readonly<Record<string, unknown>>;
}

export interface Route {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `/agents/:agent_id`, without the version. */
  pattern: string;
  access: Access;
  /** Keylime's name of the action: it stands in the 403 answer. */
  action: string;
  /** Whether plain HTTP serves it too. */
  insecure?: boolean;
  handle(request: PeerRequest): Answer | Promise<Answer>;
}

/** Routes below `/v<version>` for each of the versions; trailing slashes are taken. */
export function versioned(versions: readonly string[], routes: readonly Route[]): Route[] {
  return versions.flatMap((version) => routes.map((route) => ({ ...route, pattern: `/v${version}${route.pattern}` })));
}

export type RouteMatch =
  | { kind: "route"; route: Route; params: Record<string, string> }
  | { kind: "other-method" }
  | { kind: "none" };

/** The first route for the method and path; tells a wrong method from an unknown path. */
export function matchRoute(routes: readonly Route[], method: string, path: string): RouteMatch {
  let pathKnown = false;
  for (const route of routes) {
    const params = matchPattern(route.pattern, path);
    if (params === undefined) continue;
    if (route.method === method) return { kind: "route", route, params };
    pathKnown = true;
  }
  return { kind: pathKnown ? "other-method" : "none" };
}

function matchPattern(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = splitPath(pattern);
  const given = splitPath(path);
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const value = given[index]!;
    if (segment.startsWith(":") && value !== "") params[segment.slice(1)] = value;
    else if (segment !== value) return undefined;
  }
  return params;
}

/** Segments without the empty ones that a leading and one trailing slash leave. */
function splitPath(path: string): string[] {
  const segments = path.split("/");
  if (segments[0] === "") segments.shift();
  if (segments.at(-1) === "") segments.pop();
  return segments;
}
