import type { Facts } from "../../facts/facts.js";
import { agentSetting } from "../../facts/keylime/agent-setting.js";
import { defineCheck, type Edit, type Evidence, type Finding, foundOrClear, notLearnt } from "../check.js";
import { answerEvidence, idEvidence, registeredEntry } from "./node-answers.js";
import { settingEvidence } from "./setting-evidence.js";

/** Shipped in the configuration of registrar and agents (rust-keylime 0.2.9). */
const shippedId = "d432fbb3-d2f1-4a97-9ef7-75bd81c00000";

export const agentDefaultUuid = defineCheck({
  id: "agent-default-uuid",
  family: "node",
  title: "the agent has a UUID of its own",
  judge(facts) {
    const { agentId } = facts.node;
    if (!agentId.known) return notLearnt(facts, agentId.reason);
    const shared = sharedEvidence(facts);
    if (agentId.value !== shippedId && shared.length === 0) {
      return { is: "clear", because: `${agentId.value} is not the shipped one` };
    }
    return foundOrClear([finding(facts, agentId.value, shared)], "");
  },
});

function finding(facts: Facts, agentId: string, shared: readonly Evidence[]): Finding {
  const stops = shared.length > 0;
  const line = lineOf(facts, agentId);
  return {
    severity: stops ? "error" : "warning",
    stopsAttestation: stops,
    summary: stops
      ? `agent ${agentId} is registered by another host than this one, so that two hosts share a UUID`
      : `the Keylime agent runs under the shipped default UUID ${agentId}: the next host left on it takes its place`,
    evidence: [idEvidence(facts), ...(line === undefined ? [] : [line]), ...shared],
    fix: {
      action: `set uuid = "hash_ek" in [agent] of ${line?.file ?? "the Keylime agent's configuration"}, restart it, and enrol the new UUID`,
      commands: ["systemctl restart keylime_agent"],
      ...(line?.file === undefined ? {} : { edits: [editOf(line.file)] }),
    },
  };
}

/** The line that sets this UUID; undefined when the agent runs under another one than its file says. */
function lineOf(facts: Facts, agentId: string): Evidence | undefined {
  const setting = agentSetting(facts, "uuid");
  return setting?.value.toLowerCase() === agentId ? settingEvidence(setting) : undefined;
}

const editOf = (file: string): Edit => ({ kind: "toml", file, section: "agent", option: "uuid", set: "hash_ek" });

/** The registered certificate is not the one served here, and the registered address is not this agent's. */
function sharedEvidence(facts: Facts): Evidence[] {
  const entry = registeredEntry(facts);
  const { registrar } = facts.node;
  if (entry === undefined || !facts.endpoints.known) return [];
  const agent = facts.endpoints.value.find(({ role }) => role === "agent");
  const served = agent?.connections.flatMap(({ probed }) => probed.server_certificates.slice(0, 1))[0];
  const { mtlsCert } = entry;
  if (served === undefined || typeof mtlsCert !== "object" || mtlsCert.sha256 === served.sha256) return [];
  const isElsewhere = entry.port !== undefined && agent !== undefined && entry.port !== agent.port;
  const addresses = agent?.addresses.known ? agent.addresses.value : [];
  const isOtherHost = entry.ip !== undefined && !addresses.includes(entry.ip) && entry.ip !== agent?.host;
  if (!isElsewhere && !isOtherHost) return [];
  return [
    answerEvidence(
      registrar,
      `registered with contact address ${entry.ip ?? "none"}:${entry.port ?? "none"} and certificate ${mtlsCert.sha256}`,
    ),
    { text: `the Keylime agent at ${agent!.host}:${agent!.port} serves certificate ${served.sha256}` },
  ];
}
