import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StatusCode } from "../../src/plugin-sdk/index.js";
import { type Attestation, relayAttestation } from "../../src/rehearse/relay.js";
import { type KeylimeWorld, pluginData, startKeylimeWorld } from "../fakes/keylime-world.js";
import { type LoadedHalf, loadHalf } from "./plugin-halves.js";

/** The existing Go pair, built outside the tree from its public source (keylime/spire-keylime-plugin 9f270a0). */
const goServer = process.env.GO_PLUGIN_SERVER;
const goAgent = process.env.GO_PLUGIN_AGENT;
if (goServer === undefined || goAgent === undefined) {
  process.stderr.write("skipped: set GO_PLUGIN_SERVER and GO_PLUGIN_AGENT to try our halves with the Go pair's\n");
}

let world: KeylimeWorld;
let ours: { server: LoadedHalf; agent: LoadedHalf };

describe.skipIf(goServer === undefined || goAgent === undefined)("a half of ours beside one of the Go pair", () => {
  beforeAll(async () => {
    // The Go agent half speaks plain HTTP only, the Go server half API 2.2 only.
    world = await startKeylimeWorld({ agentMtls: false });
    // It takes states 3 and 4 only, and after the first round 5 is shown.
    world.verifier.changeAgent(world.agentId, { operationalState: 3 });
    const directory = world.directory.path;
    ours = {
      server: await loadHalf("server", { data: world.serverData(), directory }),
      agent: await loadHalf("agent", { data: world.agentData(), directory }),
    };
  });
  afterAll(async () => {
    for (const half of [ours.server, ours.agent]) expect(await half.running.unload()).not.toHaveProperty("complaint");
    await world[Symbol.asyncDispose]();
  });

  it("attests as the server half of the Go agent half", async () => {
    await using agent = await loadGo("agent");
    const { result, failure } = await attest(ours.server, agent);
    expect(failure).toBeUndefined();
    expect(result).toMatchObject({ spiffeId: nodeId(), canReattest: true });
    expect(result?.selectors).toContain(`keylime:uuid:${world.agentId}`);
  });

  it("attests as the agent half of the Go server half", async () => {
    await using server = await loadGo("server");
    expect(await attest(server, ours.agent)).toMatchObject({
      result: { spiffeId: nodeId(), selectors: [], canReattest: true },
    });
  });

  it("writes the messages that the Go pair writes, field for field", async () => {
    await using agent = await loadGo("agent");
    await using server = await loadGo("server");
    const pairs = [
      await attest(server, agent),
      await attest(ours.server, agent),
      await attest(server, ours.agent),
      await attest(ours.server, ours.agent),
    ];
    const shapes = pairs.map(({ messages = [] }) =>
      messages.map(({ from, step, facts }) => [from, step, Object.keys(facts)]),
    );
    // The last message is SPIRE's own, with our selectors in it.
    for (const shape of shapes) expect(shape.slice(0, 3)).toEqual(shapes[0]!.slice(0, 3));
  });

  it("refuses a machine that the Go server half would refuse, and says why", async () => {
    await using agent = await loadGo("agent");
    const before = world.verifier.agent(world.agentId)!;
    world.verifier.changeAgent(world.agentId, { operationalState: 9 });
    const { failure } = await attest(ours.server, agent);
    world.verifier.changeAgent(world.agentId, before);
    expect(failure).toMatchObject({ half: "server", code: StatusCode.PERMISSION_DENIED });
    expect(failure?.message).toContain("is in state 9 (Invalid Quote) at the verifier");
  });
});

const nodeId = () => `spiffe://example.org/spire/agent/keylime/${world.agentId}`;

function attest(server: LoadedHalf, agent: LoadedHalf): Promise<Attestation> {
  return relayAttestation({ server: server.running, agent: agent.running, timeoutMs: 20_000, keepMessages: true });
}

function loadGo(half: "server" | "agent"): Promise<LoadedHalf> {
  const { verifier, agent, files, directory } = world;
  const data =
    half === "agent"
      ? pluginData({ keylime_agent_port: String(agent.address.port) })
      : pluginData({
          keylime_verifier_port: String(verifier.address.port),
          keylime_tls_ca_cert_file: files.ca,
          keylime_tls_cert_file: files.cert,
          keylime_tls_key_file: files.key,
        });
  const command = half === "server" ? goServer! : goAgent!;
  return loadHalf(half, { data, directory: directory.path, command, args: [] });
}
