import type { TracedConnection } from "./report-schema.js";

export type ServerRole = TracedConnection["server_role"];

/** Keylime's default ports. */
const rolesByPort: Record<number, ServerRole> = {
  8881: "verifier",
  8890: "registrar",
  8891: "registrar",
  9002: "agent",
};
const rolesByWord: readonly [word: RegExp, role: ServerRole][] = [
  [/\bverifier\b/i, "verifier"],
  [/\bregistrar\b/i, "registrar"],
];

/** Which of Keylime's services a server is: by its port, else by the names it is asked for and presents. */
export function serverRole(port: number, names: readonly string[]): ServerRole {
  const byWord = rolesByWord.find(([word]) => names.some((name) => word.test(name)))?.[1];
  return rolesByPort[port] ?? byWord ?? "other";
}
