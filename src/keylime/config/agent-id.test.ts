import { expect, it } from "vitest";
import { loadAgentConfig } from "./agent-config.js";
import { configuredAgentId } from "./agent-id.js";

const id = "d111ec46-34d8-41af-ad56-d560bc97b2e8";

async function idOf(line: string, environment: Record<string, string> = {}) {
  const config = await loadAgentConfig(
    {
      readFile: async (path) =>
        path === "/etc/keylime/agent.conf" ? { is: "text", text: `[agent]\n${line}\n` } : { is: "absent" },
      listFiles: async () => [],
    },
    environment,
  );
  return configuredAgentId(config);
}

it.each([[id], [id.toUpperCase()], [id.replaceAll("-", "")], [`{${id}}`], [`urn:uuid:${id}`]])(
  "takes %s for the UUID",
  async (written) => {
    expect(await idOf(`uuid = "${written}"`)).toEqual({ id, source: "/etc/keylime/agent.conf:2" });
  },
);

it("tells who says so: the environment before the file, and the shipped one without either", async () => {
  expect(await idOf('uuid = "generate"', { KEYLIME_AGENT_UUID: id })).toEqual({
    id,
    source: "environment variable KEYLIME_AGENT_UUID",
  });
  expect(await idOf("")).toEqual({ id: "d432fbb3-d2f1-4a97-9ef7-75bd81c00000", source: "the agent's built-in uuid" });
});

it.each([
  ["hash_ek", 'uuid = "hash_ek" is the hash of the TPM\'s endorsement key'],
  ["generate", 'uuid = "generate" is a random UUID at each start'],
  ["node-7", 'uuid = "node-7" is a random UUID at each start'],
])("knows none of %s", async (written, reason) => {
  expect(await idOf(`uuid = "${written}"`)).toEqual({ reason, source: "/etc/keylime/agent.conf:2" });
});
