import type { Facts } from "../../facts/facts.js";
import { pushModeOption } from "../../facts/keylime/push-mode.js";
import { defineCheck, type Evidence, type Outcome } from "../check.js";
import { targetOf } from "../live/judge-endpoints.js";
import { optionEvidence } from "../verifier/verifier-conf.js";
import { judgeEntry } from "./judge-entry.js";

const fix = {
  action: "run the Keylime agent in pull mode on this node, and the verifier with mode = pull",
};

export const agentPushMode = defineCheck({
  id: "agent-push-mode",
  family: "node",
  title: "the node is attested in pull mode",
  judge(facts, context): Outcome {
    const entry = judgeEntry(facts, context, "agent-push-mode", () => fix);
    const evidence = [...pushVerifiers(facts), ...configuredPush(facts)];
    if (entry.is === "found" || evidence.length === 0) return entry;
    return {
      is: "found",
      findings: [
        {
          severity: "error",
          stopsAttestation: true,
          summary: "the verifier runs in push mode, in which agents answer no identity quote",
          evidence,
          fix,
        },
      ],
    };
  },
});

/** 7.14 answers 410 at /version in push mode. */
function pushVerifiers({ endpoints }: Facts): Evidence[] {
  if (!endpoints.known) return [];
  return endpoints.value
    .filter(({ role, version }) => role === "verifier" && version.known && version.value.is === "push-mode")
    .map((endpoint) => ({
      text: `GET https://${targetOf(endpoint)}/version: HTTP 410, as a verifier in push mode answers`,
      probe: { endpoint: targetOf(endpoint), presented: "no certificate", result: "HTTP 410" },
    }));
}

/** The file counts where no verifier shows how it runs: `/version` tells that. */
function configuredPush({ keylime, endpoints }: Facts): Evidence[] {
  const option = pushModeOption(keylime);
  if (option === undefined) return [];
  const pulls = (endpoints.known ? endpoints.value : []).some(
    ({ role, version }) => role === "verifier" && version.known && version.value.is === "list",
  );
  return pulls ? [] : [optionEvidence(option)];
}
