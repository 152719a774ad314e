import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { known } from "../../src/doctor/facts/fact.js";
import { gatherPython } from "../../src/doctor/facts/keylime/gather-python.js";
import { interpreterOf } from "../../src/doctor/facts/keylime/interpreter-of.js";
import { Machine } from "../../src/doctor/facts/machine.js";
import { gatherProcesses } from "../../src/doctor/facts/processes/gather-processes.js";
import type { FaultId } from "../../src/faults/faults.js";
import { registrarRole, verifierRole } from "../../src/keylime/roles.js";
import { HttpClient } from "../../src/net/http-client.js";
import { loadIdentity } from "../../src/net/identity.js";
import { type KeylimeAgent, type KeylimeAgentOptions, startKeylimeAgent } from "../../src/peers/agent/keylime-agent.js";
import { createSelfSigned } from "../../src/peers/pki/authority.js";
import { SoftwareTpm } from "../../src/peers/tpm/software-tpm.js";
import { startTerminatingProxy } from "../fakes/terminating-proxy.js";
import { goServerConf, pluginCert, pluginKey } from "../scenarios/support/live-set-ups.js";
import { agentConf, spireConf } from "../scenarios/support/set-ups.js";
import { freePort } from "../support/free-port.js";
import { runChecked } from "../support/run-command.js";
import { until } from "../support/until.js";
import { type AttestingNode, agentTls, startAttestingNode } from "./support/attesting-node.js";
import { enrolAtVerifier, untilAttested, verifierAgent } from "./support/enrol.js";
import { causesOf, type Examination, examine } from "./support/examined-node.js";
import { describeWithPeers, peerPath } from "./support/peers.js";

/** What is planted on a node that attests: what is changed, and the causes in their order. */
interface Planted {
  causes: readonly FaultId[];
  plant(node: AttestingNode): Examination | Promise<Examination>;
}

const server = (key: string, value: string | number): Examination => ({
  changes: { server: { [key]: String(value) } },
});

/** Wrong addresses and names: the peers stay as they are. */
const misconfigured: Record<string, Planted> = {
  "a port on which nobody listens": {
    causes: ["verifier-unreachable"],
    plant: async () => server("keylime_verifier_port", await freePort()),
  },
  "the registrar's HTTP port in the verifier's place": {
    causes: ["verifier-not-tls"],
    plant: ({ keylime }) => server("keylime_verifier_port", keylime.ports.registrarHttp),
  },
  "the registrar's HTTPS port in the verifier's place": {
    causes: ["verifier-is-registrar"],
    plant: ({ keylime }) => server("keylime_verifier_port", keylime.ports.registrarTls),
  },
  "a name that the verifier's certificate does not carry": {
    causes: ["verifier-name-mismatch"],
    plant: () => server("keylime_verifier_server_name", "spire.funlab.casa"),
  },
  "a proxy that keeps the client certificate": {
    causes: ["client-cert-not-sent"],
    plant: async ({ pki, keylime }) =>
      server("keylime_verifier_port", await startTerminatingProxy(pki, keylime.ports.verifier, { requestCert: true })),
  },
  "a client certificate without common name": {
    causes: ["client-cert-not-sent"],
    plant: async ({ pki }) => {
      const { chainPem, keyPem } = await pki.issue({ subject: "C=US, O=Funlab.Casa, OU=SPIRE", eku: ["clientAuth"] });
      return { files: { [pluginCert]: chainPem, [pluginKey]: { text: keyPem, mode: 0o600 } } };
    },
  },
  "a proxy that names a CA which did not issue the Go plugin's certificate": {
    causes: ["client-cert-not-sent"],
    plant: async ({ pki, keylime }) => {
      const asked = { requestCert: true, clientCa: pki.cvCa.ca.certPem };
      return { files: goServerConf(await startTerminatingProxy(pki, keylime.ports.verifier, asked)) };
    },
  },
  "a port on which no registrar listens": {
    causes: ["registrar-unreachable"],
    plant: async () => server("keylime_registrar_port", await freePort()),
  },
  "the registrar's HTTP port where the plugin speaks TLS": {
    causes: ["registrar-port-mixup"],
    plant: ({ keylime }) => server("keylime_registrar_port", keylime.ports.registrarHttp),
  },
  "a port on which no Keylime agent listens": {
    causes: ["agent-unreachable"],
    plant: async () => ({ changes: { agent: { keylime_agent_port: String(await freePort()) } } }),
  },
  "an agent plugin that speaks plain HTTP alone": {
    causes: ["agent-mtls-mismatch"],
    plant: ({ keylimeAgent: { address } }) => ({
      files: { [agentConf]: spireConf("agent", { data: [`keylime_agent_port = "${address.port}"`] }) },
    }),
  },
};

describeWithPeers(["keylime_verifier", "keylime_registrar"], "doctor, live (Keylime 7.14.3)", () => {
  let node: AttestingNode;
  const agents: KeylimeAgent[] = [];
  beforeAll(async () => {
    node = await startAttestingNode();
  });
  afterAll(async () => {
    for (const each of agents) await each.stop();
    await node?.[Symbol.asyncDispose]();
  });

  /** Another machine at the same registrar, not yet registered. */
  async function startAgent(options: Partial<KeylimeAgentOptions> = {}): Promise<KeylimeAgent> {
    const agent = await startKeylimeAgent({
      tpm: await SoftwareTpm.create(),
      agentId: randomUUID(),
      listen: { host: "127.0.0.1", port: 0 },
      registrar: { host: "127.0.0.1", port: node.keylime.ports.registrarHttp },
      tls: agentTls(node.pki),
      ...options,
    });
    agents.push(agent);
    return agent;
  }

  async function startRegistered(options?: Partial<KeylimeAgentOptions>): Promise<KeylimeAgent> {
    const agent = await startAgent(options);
    await agent.register();
    return agent;
  }

  async function startAttested(): Promise<KeylimeAgent> {
    const agent = await startRegistered();
    await enrolAtVerifier(node.keylime, agent.agentId);
    await untilAttested(node.keylime, agent.agentId);
    return agent;
  }

  const untilState = ({ agentId }: KeylimeAgent, states: readonly number[]) =>
    until(async () => states.includes((await verifierAgent(node.keylime, agentId)).operational_state), {
      what: `state ${states.join(" or ")} of ${agentId}`,
      timeoutMs: 60_000,
      intervalMs: 200,
    });

  it("finds nothing to mend on a node that attests, in less than two seconds", async () => {
    const diagnosis = await examine(node);
    expect(diagnosis.ranked).toEqual([]);
    expect(diagnosis.tookMs).toBeLessThan(2000);
    const live = diagnosis.results.filter(({ check: { family } }) => family === "live" || family === "node");
    expect(live.filter(({ outcome }) => outcome.is === "unknown")).toEqual([]);
  });

  it("tells the Python that runs the verifier", async () => {
    const all = await gatherProcesses("/");
    if (!all.known) throw new Error(all.reason);
    const directory = node.keylime.environment.KEYLIME_DIR;
    const processes = all.value.filter(
      ({ environment }) => environment.known && environment.value.KEYLIME_DIR === directory,
    );
    const told = await gatherPython(new Machine(undefined), "keylime_verifier", { processes, units: [] });
    const interpreter = interpreterOf(await readFile(peerPath("keylime_verifier"), "utf8"));
    const version = await runChecked(interpreter!, [
      "-c",
      "import sys; print(sys.version_info[0], sys.version_info[1])",
    ]);
    const [major, minor] = version.trim().split(" ").map(Number);
    expect(told).toEqual(known({ major, minor }, expect.stringMatching(/\/python3\.\d+$/)));
  });

  it.each(Object.entries(misconfigured))("names %s", async (_, { plant, causes }) => {
    const diagnosis = await examine(node, await plant(node));
    expect(causesOf(diagnosis)).toEqual(causes);
    expect(diagnosis.tookMs).toBeLessThan(2000);
  });

  it("names an agent that the registrar does not know", async () => {
    const agent = await startAgent();
    expect(causesOf(await examine(node, { agent }))).toEqual(["agent-not-registered", "agent-not-enrolled"]);
  });

  it("names a UUID that another host registered first", async () => {
    const { certPem, keyPem } = await node.pki.issue({ commonName: "another host", eku: ["serverAuth"] });
    const other = await startRegistered({
      contact: { host: "192.0.2.7", port: 9002 },
      tls: { ...agentTls(node.pki), certPem, keyPem },
    });
    const agent = await startAgent({ agentId: other.agentId });
    await expect(agent.register()).rejects.toThrow(/different TPM identity/);
    expect(causesOf(await examine(node, { agent }))).toEqual(["agent-default-uuid", "agent-not-enrolled"]);
  });

  it("names an agent that nobody added at the verifier", async () => {
    const agent = await startRegistered();
    expect(causesOf(await examine(node, { agent }))).toEqual(["agent-not-enrolled"]);
  });

  it("names an agent whose quote the verifier refused", async () => {
    const agent = await startRegistered();
    const tpmPolicy = JSON.stringify({ mask: "0x800000", 23: ["f".repeat(64)] });
    await enrolAtVerifier(node.keylime, agent.agentId, { tpmPolicy });
    await untilState(agent, [9]);
    expect(causesOf(await examine(node, { agent }))).toEqual(["agent-failed"]);
  });

  it("names an address on file that nobody listens on", async () => {
    const agent = await startRegistered();
    await enrolAtVerifier(node.keylime, agent.agentId, { fields: { cloudagent_port: await freePort() } });
    const causes = causesOf(await examine(node, { agent }));
    expect(causes[0]).toBe("agent-contact-address");
    expect(causes.slice(1)).toEqual([expect.stringMatching(/^agent-(failed|state-unproven)$/)]);
  });

  it("names a round that is not completed yet", async () => {
    const agent = await startRegistered({ delays: { quoteMs: 20_000 } });
    await enrolAtVerifier(node.keylime, agent.agentId);
    expect(causesOf(await examine(node, { agent }))).toEqual(["agent-state-unproven"]);
  });

  it("names a certificate that the agent did not register", async () => {
    const agent = await startAttested();
    const { certPem, keyPem } = await createSelfSigned({
      commonName: "agent",
      dnsNames: ["localhost"],
      ipAddresses: ["127.0.0.1"],
    });
    agent.rotateTls({ ...agentTls(node.pki), certPem, keyPem });
    await untilState(agent, [7]);
    const causes = causesOf(
      await examine(node, {
        agent,
        changes: { agent: { keylime_agent_ca_cert_file: "/etc/keylime/certs/other.crt" } },
        files: { "/etc/keylime/certs/other.crt": certPem },
      }),
    );
    expect(causes).toEqual(["verifier-wrong-db-cert", "agent-failed"]);
  });

  it("names an agent that trusts another CA than the plugin's", async () => {
    const agent = await startAttested();
    agent.rotateTls({ ...agentTls(node.pki), trustedClientCaPem: node.pki.cvCa.ca.certPem });
    expect(causesOf(await examine(node, { agent }))[0]).toBe("agent-refuses-client");
  });

  it("names an agent that speaks 2.1 only", async () => {
    const agent = await startRegistered({ apiVersions: ["2.1"] });
    expect(causesOf(await examine(node, { agent }))[0]).toBe("agent-api-version");
  });
});

describeWithPeers(["keylime_verifier", "keylime_registrar"], "a registrar that trusts nobody (Keylime 7.14.3)", () => {
  let node: AttestingNode;
  beforeAll(async () => {
    node = await startAttestingNode({ enrol: null, keylime: { registrarOptions: { trusted_client_ca: "[]" } } });
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  it("is named, with the alert it sends", async () => {
    const diagnosis = await examine(node);
    expect(causesOf(diagnosis)).toEqual(["registrar-refuses-client", "agent-not-enrolled"]);
    expect(diagnosis.ranked[0]!.finding.summary).toContain("alert 48 unknown_ca");
  });
});

describeWithPeers(
  ["keylime_verifier", "keylime_registrar"],
  "a client of the registrar's HTTP port (Keylime 7.14.3)",
  () => {
    it("is told within two seconds that no TLS is spoken there, whichever service it meant", async () => {
      await using node = await startAttestingNode({ enrol: null });
      const port = node.keylime.ports.registrarHttp;
      const file = (name: string) => ({ path: node.dir.file(name), key: name, isDefault: false });
      const { identity } = loadIdentity(
        { ca: file("ca-complete-chain.crt"), cert: file("plugin.crt"), key: file("plugin.key") },
        Date.now(),
      );
      const source = { current: () => identity!, checkNow: () => identity! };
      for (const [role, code] of [
        [verifierRole, "verifier-not-tls"],
        [registrarRole, "registrar-port-mixup"],
      ] as const) {
        const common = { host: "127.0.0.1", port, role, identity: source, userAgent: "test" };
        const http = new HttpClient({ ...common, connectTimeoutMs: 10_000 });
        const startMs = performance.now();
        await expect(http.request({ method: "GET", path: "/version", timeoutMs: 10_000 })).rejects.toMatchObject({
          code,
        });
        expect(performance.now() - startMs).toBeLessThan(2000);
        http.close();
      }
    });
  },
);
