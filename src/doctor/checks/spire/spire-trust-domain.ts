import { defineCheck } from "../check.js";
import { parsedConfs } from "./plugins.js";

export const spireTrustDomain = defineCheck({
  id: "spire-trust-domain",
  family: "spire",
  title: "server and agent name the same trust domain",
  judge(facts) {
    const named = parsedConfs(facts).flatMap(({ half, trustDomain }) =>
      trustDomain === undefined ? [] : [{ half, ...trustDomain }],
    );
    const [server, agent] = named;
    if (server === undefined || agent === undefined) {
      return { is: "skipped", reason: "the two halves' files were not both read" };
    }
    if (server.value === agent.value) return { is: "clear", because: server.value };
    return {
      is: "found",
      findings: [
        {
          severity: "error",
          stopsAttestation: true,
          summary: `the SPIRE server's trust_domain is ${JSON.stringify(server.value)}, the agent's ${JSON.stringify(agent.value)}`,
          evidence: named.map(({ value, at }) => ({ text: `trust_domain = ${JSON.stringify(value)}`, ...at })),
          fix: {
            action: `set trust_domain = ${JSON.stringify(server.value)} in ${agent.at.file} if the server is right, then restart the SPIRE agent`,
            edits: [
              { kind: "hcl", file: agent.at.file ?? "", line: agent.at.line, key: "trust_domain", set: server.value },
            ],
          },
        },
      ],
    };
  },
});
