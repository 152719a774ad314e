import { Problem } from "../core/problem.js";

/** `/agents/<id>`. Throws for ids that Keylime cannot have and that would change the path: `..`, `a/b`, `a?b`. */
export function agentPath(agentId: string): string {
  const isKnownForm = /^[\w.-]{1,80}$/.test(agentId) && agentId !== "." && agentId !== "..";
  if (isKnownForm) return `/agents/${agentId}`;
  throw new Problem(
    "bad-agent-id",
    `cannot ask for agent ${JSON.stringify(agentId.slice(0, 80))}: expected at most 80 letters, digits, "_", "." and "-"`,
    { culprit: "peer" },
  );
}
