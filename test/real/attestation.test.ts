import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { until } from "../support/until.js";
import { type AttestingNode, startAttestingNode } from "./support/attesting-node.js";
import { registrarRecord, verifierAgent } from "./support/enrol.js";
import { httpsRequest } from "./support/https-request.js";
import { describeWithPeers, type PeerName } from "./support/peers.js";
import type { SpireAgent, SpireServer } from "./support/spire.js";

const everyPeer: PeerName[] = ["spire-server", "spire-agent", "keylime_verifier", "keylime_registrar"];

/** What an agent uses whose operator has set no UUID: two such hosts are one to Keylime. */
const sharedDefaultUuid = "d432fbb3-d2f1-4a97-9ef7-75bd81c00000";

describeWithPeers(everyPeer, "attestation with mutual TLS on every leg: the field report's success criteria", () => {
  let node: AttestingNode;
  let spireServer: SpireServer;
  let spireAgent: SpireAgent;

  beforeAll(async () => {
    node = await startAttestingNode();
    spireServer = await node.startSpireServer();
    spireAgent = await node.startSpireAgent(spireServer);
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  it("1: the Keylime agent is up with a UUID of its own", async () => {
    const { host, port } = node.keylimeAgent.address;
    const answer = await httpsRequest(`https://${host}:${port}/v2.2/agent/info`, {
      caPem: node.pki.caCompleteChainPem,
      identity: { certPem: node.pki.plugin.chainPem, keyPem: node.pki.plugin.keyPem },
    });
    expect(answer.json).toMatchObject({ code: 200, results: { agent_uuid: node.agentId } });
    expect(node.agentId).not.toBe(sharedDefaultUuid);
  });

  it("2: the registrar knows it, activated, with its attestation key and certificate", async () => {
    expect(await registrarRecord(node.keylime, node.agentId)).toMatchObject({
      aik_tpm: node.tpm.akPublic.toString("base64"),
      ip: "127.0.0.1",
      port: node.keylimeAgent.address.port,
      mtls_cert: node.pki.agent.certPem,
    });
    expect((await verifierAgent(node.keylime, node.agentId)).attestation_status).toBe("PASS");
  });

  it("3: the SPIRE agent attests", () => {
    const attested = spireAgent.logEntries().find(({ msg }) => msg === "Node attestation was successful");
    expect(attested).toMatchObject({ reattestable: true, spiffe_id: node.spiffeId });
  });

  it("4: spire-server agent list shows it with attestation type keylime", async () => {
    // SPIRE 1.15 tells more of an agent.
    expect(await spireServer.agents()).toMatchObject([
      {
        id: { trust_domain: "example.org", path: `/spire/agent/keylime/${node.agentId}` },
        attestation_type: "keylime",
        x509svid_serial_number: expect.stringMatching(/^\d+$/),
        x509svid_expires_at: expect.stringMatching(/^\d+$/),
        selectors: expect.arrayContaining([{ type: "keylime", value: `uuid:${node.agentId}` }]),
        banned: false,
        can_reattest: true,
      },
    ]);
  });

  it("5: a workload gets an X.509-SVID because Keylime's selectors name its node", async () => {
    const workload = "spiffe://example.org/workload";
    const nodeAlias = "spiffe://example.org/attested-by-keylime";
    await spireServer.createEntry({
      spiffeId: nodeAlias,
      node: true,
      selectors: [`keylime:uuid:${node.agentId}`, "keylime:agent_mtls:true"],
    });
    const uid = `unix:uid:${process.getuid!()}`;
    await spireServer.createEntry({ spiffeId: workload, parentId: nodeAlias, selectors: [uid] });
    const [svid] = await until(() => spireAgent.fetchX509(), {
      what: `an X.509-SVID for ${workload}`,
      timeoutMs: 20_000,
      evidence: spireAgent.log,
    });
    const certificate = new X509Certificate(Buffer.from(svid!.x509_svid, "base64"));
    expect(certificate.subjectAltName).toBe(`URI:${workload}`);
    const trustBundle = new X509Certificate(await readFile(spireServer.bundleFile));
    expect(certificate.verify(trustBundle.publicKey)).toBe(true);
  });

  it("leaves no error in SPIRE's log, neither running nor when both are stopped", async () => {
    await spireAgent.stop();
    await spireServer.stop();
    const errors = [...spireAgent.logEntries(), ...spireServer.logEntries()]
      .filter(({ level, method }) => level === "error" && method !== "FetchX509SVID")
      .map(({ msg, error }) => ({ msg, error }));
    expect(errors).toEqual([]);
  });
});
