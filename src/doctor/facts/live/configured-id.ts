import { settleAgentOption } from "../../../keylime/config/agent-config.js";
import { configuredAgentId } from "../../../keylime/config/agent-id.js";
import type { EndpointFacts } from "../endpoints/endpoint-facts.js";
import { type Fact, known, unknown } from "../fact.js";
import type { OfflineFacts } from "../facts.js";
import { isUnsaid } from "../unsaid.js";
import { isHere } from "./own-machine.js";

/** The UUID as the Keylime agent's configuration has it, when that is the configuration of the agent that is asked. */
export function configuredId(
  { keylime: { agent }, scope }: Pick<OfflineFacts, "keylime" | "scope">,
  asked: Pick<EndpointFacts, "addresses" | "host"> | undefined,
): Fact<string> {
  if (!agent.known) return unknown(agent.reason, agent.source);
  if (asked?.addresses.known && !isHere(asked))
    return unknown(`it is that of another host than ${asked.host}`, agent.source);
  const { config } = agent.value;
  const isUnread = config.files.some(({ content }) => content.is !== "read");
  if (isUnread) return unknown("not all of the Keylime agent's configuration could be read", agent.source);
  if (isUnsaid(scope, settleAgentOption(config, "uuid").source))
    return unknown("the copy of agent.conf does not set uuid", agent.source);
  const configured = configuredAgentId(config);
  return "id" in configured ? known(configured.id, configured.source) : unknown(configured.reason, configured.source);
}
