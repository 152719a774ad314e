import type { SettledOption } from "../../../keylime/config/component-config.js";
import { settleOption } from "../../../keylime/config/settle-option.js";
import type { KeylimeFacts } from "./keylime-facts.js";

/** The verifier's `mode = push`, with which it waits for its agents to come; the agent's own file does not tell its mode. */
export function pushModeOption({ verifier }: Pick<KeylimeFacts, "verifier">): SettledOption | undefined {
  const mode = verifier.known ? settleOption(verifier.value.config, "mode") : undefined;
  return mode?.value.toLowerCase() === "push" ? mode : undefined;
}
