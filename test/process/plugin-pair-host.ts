// A host of both halves that takes its orders on stdin, so that a test can signal the whole process group.
import { createInterface } from "node:readline";
import { type HostedPlugin, hostPlugin } from "../../src/plugin-sdk/index.js";
import { encodePayload } from "../../src/spire/exchange.js";

const { command, serverData, agentData, agentId } = JSON.parse(process.argv[2]!) as Record<string, string>;
const errors: Record<string, string[]> = { server: [], agent: [] };
// SPIRE itself unloads its plugins on this signal; here the test says when.
process.on("SIGTERM", () => {});

async function load(half: "server" | "agent", hclConfiguration: string): Promise<HostedPlugin> {
  const plugin = await hostPlugin({
    type: "NodeAttestor",
    name: "keylime",
    command: command!,
    args: ["plugin", half],
    trustDomain: "example.org",
    hclConfiguration,
    onLog: ({ level, message }) => void (level === "error" && errors[half]!.push(message)),
  });
  await plugin.configure();
  return plugin;
}

const plugins = {} as Record<"server" | "agent", HostedPlugin>;
const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
void main();

async function main(): Promise<void> {
  plugins.server = await load("server", serverData!);
  plugins.agent = await load("agent", agentData!);
  say("loaded");
  for await (const order of createInterface({ input: process.stdin })) {
    if (order === "fly") say(await fly());
    if (order === "close") say({ server: await close("server"), agent: await close("agent") });
  }
}

/** Attestations that stay in flight: the node never answers the challenge, the server never sends one. */
async function fly(): Promise<string> {
  for (let i = 0; i < 4; i++) {
    const attest = plugins.server.attestServer();
    await attest.send({ payload: encodePayload({ agentId: agentId!, hashAlg: "sha256" }) });
    await attest.receive();
    attest.receive().catch(() => {});
    const aid = plugins.agent.aidAttestation();
    await aid.receive();
    aid.receive().catch(() => {});
  }
  return "flying";
}

async function close(half: "server" | "agent") {
  return { ...(await plugins[half].close()), errors: errors[half] };
}
