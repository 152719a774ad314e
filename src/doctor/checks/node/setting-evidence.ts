import type { AgentSetting } from "../../facts/keylime/agent-setting.js";
import type { Evidence } from "../check.js";

/** An option of the Keylime agent's configuration and where it is set. */
export function settingEvidence({ name, value, source }: AgentSetting): Evidence {
  const text = `${name} = ${JSON.stringify(value)}`;
  if (source === undefined) return { text: `${text}, the Keylime agent's built-in value` };
  if (source.kind === "environment") return { text: `${text}, set by the environment variable ${source.variable}` };
  const { file, line, column } = source;
  return { text, file, line, column };
}
