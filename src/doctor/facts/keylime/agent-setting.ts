import { type AgentOption, settleAgentOption } from "../../../keylime/config/agent-config.js";
import type { OptionSource } from "../../../keylime/config/component-config.js";
import type { Facts } from "../facts.js";
import { isUnsaid } from "../unsaid.js";

/** An option as the Keylime agent's configuration has it; `source` is undefined for the built-in value. */
export interface AgentSetting {
  name: AgentOption;
  value: string;
  source: OptionSource | undefined;
}

/** Undefined without a configuration that was read to its end, and for an option that is unsaid. */
export function agentSetting(
  { keylime: { agent }, scope }: Pick<Facts, "keylime" | "scope">,
  name: AgentOption,
): AgentSetting | undefined {
  if (!agent.known || agent.value.config.files.some(({ content }) => content.is !== "read")) return undefined;
  const { value, source } = settleAgentOption(agent.value.config, name);
  return isUnsaid(scope, source) ? undefined : { name, value, source };
}
