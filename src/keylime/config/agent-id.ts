import { type AgentConfig, settleAgentOption } from "./agent-config.js";
import { sourceText } from "./component-config.js";

/** The UUID under which an agent with this configuration runs, or why that cannot be told; who says so. */
export type ConfiguredId = ({ id: string } | { reason: string }) & { source: string };

const canonical = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** As rust-keylime 0.2.9 takes the option (config/base.rs, get_uuid): what is no UUID becomes a random one. */
export function configuredAgentId(config: AgentConfig): ConfiguredId {
  const { value, source: at } = settleAgentOption(config, "uuid");
  const source = at === undefined ? "the agent's built-in uuid" : sourceText(at);
  if (value === "hash_ek") return { reason: 'uuid = "hash_ek" is the hash of the TPM\'s endorsement key', source };
  const id = hyphenated(value);
  return canonical.test(id)
    ? { id, source }
    : { reason: `uuid = ${JSON.stringify(value)} is a random UUID at each start`, source };
}

/** Lower case with hyphens; a URN, braces and the form without hyphens are taken as well. */
function hyphenated(value: string): string {
  const digits = value.toLowerCase().replace(/^urn:uuid:|^\{|\}$/g, "");
  return digits.replace(/^(\w{8})(\w{4})(\w{4})(\w{4})(\w{12})$/, "$1-$2-$3-$4-$5");
}
