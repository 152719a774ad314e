import { rename } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createCvCa } from "../../src/peers/pki/field-report-pki.js";
import { until } from "../support/until.js";
import { type AttestingNode, type AttestingNodeOptions, startAttestingNode } from "./support/attesting-node.js";
import { enrolAtVerifier, removeFromVerifier, untilAttested, verifierAgent } from "./support/enrol.js";
import { describeWithPeers, type PeerName } from "./support/peers.js";
import type { SpireAgent, SpireLogEntry, SpireServer } from "./support/spire.js";

const everyPeer: PeerName[] = ["spire-server", "spire-agent", "keylime_verifier", "keylime_registrar"];

function describeNode(title: string, options: AttestingNodeOptions, suite: (node: () => AttestingNode) => void): void {
  describeWithPeers(everyPeer, title, () => {
    let node: AttestingNode;
    beforeAll(async () => {
      node = await startAttestingNode(options);
    });
    afterAll(() => node?.[Symbol.asyncDispose]());
    suite(() => node);
  });
}

describeNode("attestation with mutual TLS on every leg", {}, (node) => {
  it.each(["2.2", "2.3", "2.4", "2.5", "2.6"])("attests at Keylime API version %s", async (version) => {
    await using server = await node().startSpireServer({ keylime_api_version: version });
    await using _agent = await node().startSpireAgent(server);
    expect((await server.agents()).map(({ id }) => id.path)).toEqual([`/spire/agent/keylime/${node().agentId}`]);
    const requests = node().keylime.logs().split("\n").reverse();
    expect(requests.find((line) => line.includes("/verify/identity"))).toContain(`GET /v${version}/verify/identity`);
  });

  it("presents a rotated certificate at the next attestation", async () => {
    await using server = await node().startSpireServer();
    await using agent = await node().startSpireAgent(server);
    const commonName = "rotated.spire-server.keylime.funlab.casa";
    const rotated = await node().pki.issue({ commonName, eku: ["clientAuth"] });
    for (const [name, pem] of [["plugin.key", rotated.keyPem] as const, ["plugin.crt", rotated.chainPem] as const]) {
      await rename(await node().dir.write(`${name}.new`, pem), node().dir.file(name));
    }
    await until(
      async () => {
        await agent.restart();
        return node().keylime.logs().includes(`identity=${commonName}`);
      },
      { what: `the verifier to see ${commonName}`, timeoutMs: 30_000, evidence: server.log },
    );
  });

  it("tells what the verifier refused when another CA issued the client certificate", async () => {
    const { client } = await createCvCa();
    const message = await refusal(node(), {
      keylime_tls_client_cert_file: await node().dir.write("foreign.crt", client.certPem),
      keylime_tls_client_key_file: await node().dir.write("foreign.key", client.keyPem),
      // The registrar gets a certificate it takes, so that the verifier alone refuses.
      keylime_registrar_tls_ca_cert_file: node().dir.file("ca-complete-chain.crt"),
      keylime_registrar_tls_cert_file: node().dir.file("plugin.crt"),
      keylime_registrar_tls_key_file: node().dir.file("plugin.key"),
    });
    expect(message).toMatch(/the Keylime verifier at .* \(unknown_ca, 48\)/);
    expect(message).toContain("; presented: ");
    expect(message).toContain(`from "${node().dir.file("foreign.crt")}" (keylime_tls_client_cert_file)`);
    expect(message).toContain("likeliest fault ca-wrong");
  });

  it("refuses a verifier that another CA has issued, and says which CA it would need", async () => {
    const { ca } = await createCvCa();
    const message = await refusal(node(), {
      keylime_tls_ca_cert_file: await node().dir.write("other-ca.crt", ca.certPem),
    });
    expect(message).toContain("Eye of Thundera");
    expect(message).toContain("[ca-wrong]");
  });

  it("refuses a verifier whose certificate does not carry the configured name", async () => {
    const message = await refusal(node(), { keylime_verifier_server_name: "other.funlab.casa" });
    expect(message).toContain("other.funlab.casa");
    expect(message).toContain("[verifier-name-mismatch]");
  });

  it("refuses a Keylime agent that another CA has issued, in the SPIRE agent's log", async () => {
    const { ca } = await createCvCa();
    const message = await agentFailure(node(), {
      keylime_agent_ca_cert_file: await node().dir.write("other-ca.crt", ca.certPem),
    });
    expect(message).toMatch(
      /code = Unavailable desc = nodeattestor\(keylime\): the Keylime agent at 127\.0\.0\.1:\d+ presented a certificate that CA file "<dir>\/other-ca\.crt" \(keylime_agent_ca_cert_file\) does not vouch for/,
    );
    expect(message).toContain("it presented CN=agent.keylime.funlab.casa, issued by CN=Book of Omens");
    // The agent serves its leaf alone, so the intermediate has to be in the file too.
    expect(message).toContain("[agent-chain-not-sent]; it sent its leaf alone");
  });

  it("tells what the Keylime agent refused when another CA issued the client certificate", async () => {
    const { client } = await createCvCa();
    const message = await agentFailure(node(), {
      keylime_agent_client_cert_file: await node().dir.write("foreign.crt", client.certPem),
      keylime_agent_client_key_file: await node().dir.write("foreign.key", client.keyPem),
    });
    expect(message).toMatch(
      /code = Unavailable desc = nodeattestor\(keylime\): the Keylime agent at \S+ did not recognise the CA that issued our certificate \(unknown_ca, 48\)/,
    );
    expect(message).toContain('from "<dir>/foreign.crt" (keylime_agent_client_cert_file)');
    expect(message).toContain("likeliest fault agent-refuses-client");
  });

  it("answers unavailable while the verifier is stopped, and attests when it is back", async () => {
    await using server = await node().startSpireServer();
    await using agent = await node().startSpireAgent(server);
    const before = await verifierAgent(node().keylime, node().agentId);
    await node().keylime.stopVerifier();
    await agent.stop();
    const message = await refusalOf(node(), server);
    expect(message).toMatch(/127\.0\.0\.1:\d+.*refused/);
    await node().keylime.startVerifier();
    await untilAttested(node().keylime, node().agentId, before.attestation_count + 1);
    await agent.restart();
  });

  it("refuses a node the verifier does not know, and admits it once it is enrolled and has attested", async () => {
    const { keylime, agentId } = node();
    await removeFromVerifier(keylime, agentId);
    await using server = await node().startSpireServer();
    const message = await refusalOf(node(), server);
    expect(message).toContain("[agent-not-enrolled]");
    await enrolAtVerifier(keylime, agentId);
    await untilAttested(keylime, agentId);
    await using _agent = await node().startSpireAgent(server);
  });
});

describeNode("attestation of a Keylime agent without mutual TLS", { agentMtls: false }, (node) => {
  it("attests, and its selector says that quotes can be had by anyone", async () => {
    await using server = await node().startSpireServer();
    await using _agent = await node().startSpireAgent(server);
    const [agent] = await server.agents();
    expect(agent?.selectors).toContainEqual({ type: "keylime", value: "agent_mtls:false" });
  });

  it("is refused when require_agent_mtls is set", async () => {
    expect(await refusal(node(), { require_agent_mtls: true })).toContain("[policy-required]");
  });
});

async function refusal(node: AttestingNode, pluginValues: Record<string, string | boolean>): Promise<string> {
  await using server = await node.startSpireServer(pluginValues);
  return await refusalOf(node, server);
}

/** Attests until the SPIRE server has logged the reason of a refusal, and returns it. */
async function refusalOf(node: AttestingNode, server: SpireServer): Promise<string> {
  const before = server.logEntries().length;
  await using agent: SpireAgent = await node.startSpireAgent(server, { waitUntilHealthy: false });
  const isRefusal = ({ level, method, service }: SpireLogEntry) =>
    level === "error" && method === "AttestAgent" && service !== undefined;
  const entry = await until(() => server.logEntries().slice(before).find(isRefusal), {
    what: "the server to log a refusal",
    timeoutMs: 60_000,
    evidence: () => `${server.log()}\n${agent.log()}`,
  });
  return `${entry.msg} ${entry.error ?? ""}`;
}

/** Attests until the SPIRE agent has logged why its own half could not, and returns it. */
async function agentFailure(node: AttestingNode, pluginValues: Record<string, string>): Promise<string> {
  await using server = await node.startSpireServer();
  await using agent = await node.startSpireAgent(server, { waitUntilHealthy: false, pluginValues });
  const isFailure = ({ error }: SpireLogEntry) => String(error).includes("nodeattestor(keylime): ");
  const entry = await until(() => agent.logEntries().find(isFailure), {
    what: "the agent to log its failure",
    timeoutMs: 60_000,
    evidence: agent.log,
  });
  return String(entry.error).replaceAll(node.dir.path, "<dir>");
}
