import { type AgentOption, settleAgentOption } from "../../../keylime/config/agent-config.js";
import type { OptionSource } from "../../../keylime/config/component-config.js";
import type { Facts } from "../../facts/facts.js";
import type { Evidence } from "../check.js";

/** An option as the Keylime agent's configuration has it. */
export interface AgentSetting {
  value: string;
  /** Undefined for the built-in value. */
  source: OptionSource | undefined;
  evidence: Evidence;
}

/**
 * Undefined without a configuration that was read to its end, and for an option that a copied machine does not set: the rest
 * of its file may not have been copied.
 */
export function agentSetting({ keylime: { agent }, scope }: Facts, name: AgentOption): AgentSetting | undefined {
  if (!agent.known || agent.value.config.files.some(({ content }) => content.is !== "read")) return undefined;
  const { value, source } = settleAgentOption(agent.value.config, name);
  if (source === undefined && scope.root !== undefined) return undefined;
  return { value, source, evidence: evidenceOf(name, value, source) };
}

function evidenceOf(name: string, value: string, source: OptionSource | undefined): Evidence {
  const text = `${name} = ${JSON.stringify(value)}`;
  if (source === undefined) return { text: `${text}, the Keylime agent's built-in value` };
  if (source.kind === "environment") return { text: `${text}, set by the environment variable ${source.variable}` };
  const { file, line, column } = source;
  return { text, file, line, column };
}
