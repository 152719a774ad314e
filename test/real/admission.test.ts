import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FaultId, faults } from "../../src/faults/faults.js";
import type { RunningHalf } from "../../src/rehearse/half.js";
import { freePort } from "../support/free-port.js";
import { until } from "../support/until.js";
import { type AttestingNode, startAttestingNode } from "./support/attesting-node.js";
import { enrolAtVerifier, registrarRecord, removeFromVerifier, untilAttested, verifierAgent } from "./support/enrol.js";
import { attest, type HostedPair, type Machine, type Outcome, startHostedPair } from "./support/hosted-pair.js";
import { describeWithPeers, type PeerName } from "./support/peers.js";

const keylimePeers: PeerName[] = ["keylime_verifier", "keylime_registrar"];

/** PCR 23 may be extended and reset by software: a machine in good state has zeros in it. */
const guarded = JSON.stringify({ mask: "0x800000", "23": ["0".repeat(64)] });

describeWithPeers(keylimePeers, "admission by the state at a real verifier", () => {
  let pair: HostedPair;
  let server: RunningHalf;

  beforeAll(async () => {
    pair = await startHostedPair();
    server = await pair.startServerHalf();
  });
  afterAll(() => pair?.[Symbol.asyncDispose]());

  const agentAt = (id: string) => verifierAgent(pair.keylime, id);
  const reach = (id: string, wanted: Partial<Awaited<ReturnType<typeof verifierAgent>>>) =>
    until(
      async () => {
        const agent = await agentAt(id);
        expect(agent).toMatchObject(wanted);
        return agent;
      },
      { what: JSON.stringify(wanted), timeoutMs: 30_000, intervalMs: 200, evidence: () => pair.keylime.logs() },
    );
  const reactivate = async (id: string) => {
    const answer = await pair.keylime.askVerifier(`/v2.5/agents/${id}/reactivate`, { method: "PUT" });
    expect(answer.status).toBe(200);
  };
  const admitted = ({ agentId }: Machine): Outcome => ({
    spiffeId: `spiffe://example.org/spire/agent/keylime/${agentId}`,
  });
  const refused = (code: string, fault: FaultId, why: string): Outcome => ({
    half: "server",
    code,
    message: `${why} [${fault}]; ${faults[fault].advice}`,
  });
  const unproven = (why: string) =>
    refused("FAILED_PRECONDITION", "agent-state-unproven", `${why} (at ${pair.keylime.verifierUrl})`);

  it("refuses a node whose first quote is pending: state 1", async () => {
    const machine = await pair.startMachine({
      untilAttested: false,
      sideAgent: true,
      agent: { delays: { quoteMs: 20_000 } },
    });
    expect(await agentAt(machine.agentId)).toMatchObject({ operational_state: 1, attestation_status: "PENDING" });
    expect(await attest(server, machine)).toEqual(
      unproven(`agent ${machine.agentId} is in state 1 (Start) at the verifier: no quote has been verified yet`),
    );
    await machine.agent.stop();
  });

  it("refuses a node that was enrolled where nothing answers: state 3 and PASS without a round", async () => {
    const machine = await pair.startMachine({
      enrol: { fields: { cloudagent_port: await freePort() } },
      untilAttested: false,
    });
    await reach(machine.agentId, { operational_state: 3, attestation_status: "PASS", attestation_count: 0 });
    expect(await attest(server, machine)).toEqual(
      unproven(`agent ${machine.agentId} shows state 3 (Get Quote), but the verifier counts no successful attestation`),
    );
  });

  it("refuses for good a machine that violates its policy, and still when it is reactivated and goes silent", async () => {
    const machine = await pair.startMachine({ enrol: { tpmPolicy: guarded }, sideAgent: true });
    const { agentId, tpm } = machine;
    expect(await attest(server, machine)).toEqual(admitted(machine));

    tpm.extend(23, randomBytes(32));
    await reach(agentId, { operational_state: 9 });
    const why = `agent ${agentId} is in state 9 (Invalid Quote) at the verifier: its quote was refused`;
    expect(await attest(server, machine)).toEqual(
      refused(
        "PERMISSION_DENIED",
        "agent-failed",
        `${why} (last event pcr_validation.invalid_pcr_23) (at ${pair.keylime.verifierUrl})`,
      ),
    );

    await machine.agent.stop();
    await reactivate(agentId);
    const silent = await reach(agentId, { operational_state: 3, attestation_status: "PASS" });
    expect(silent.attestation_count).toBeGreaterThanOrEqual(1);
    expect(Date.now() / 1000 - silent.last_successful_attestation).toBeLessThan(50);
    expect(await attest(server, machine)).toEqual(
      unproven(
        `agent ${agentId} shows state 3 (Get Quote), but a quote newer than its last successful attestation was refused`,
      ),
    );

    tpm.resetPcr(23);
    await machine.wake();
    await untilAttested(pair.keylime, agentId, silent.attestation_count + 1);
    expect(await attest(server, machine)).toEqual(admitted(machine));
  });

  it("refuses a node that has been silent longer than max_attestation_age, and admits it when it is back", async () => {
    const strict = await pair.startServerHalf({ max_attestation_age: "3s" });
    const machine = await pair.startMachine({ sideAgent: true });
    const { agentId } = machine;
    expect(await attest(strict, machine)).toEqual(admitted(machine));

    await machine.agent.stop();
    const before = await agentAt(agentId);
    const why = `agent ${agentId} shows state 3 (Get Quote), but its last successful attestation is`;
    const refusal = await until(
      async () => {
        const outcome = await attest(strict, machine);
        return "message" in outcome && outcome;
      },
      { what: "a refusal", timeoutMs: 20_000, intervalMs: 200 },
    );
    const age = / is (\d+s) old/.exec(refusal.message)?.[1];
    expect(refusal).toEqual(unproven(`${why} ${age} old, more than the 3s allowed`));
    expect(await agentAt(agentId)).toMatchObject({ operational_state: 3, attestation_status: "PASS" });
    // The default allows this verifier's five quote intervals, but at least a minute.
    expect(await attest(server, machine)).toEqual(admitted(machine));

    await machine.wake();
    await untilAttested(pair.keylime, agentId, before.attestation_count + 1);
    expect(await attest(strict, machine)).toEqual(admitted(machine));
  });

  it("refuses a node that was deleted at the verifier", async () => {
    const machine = await pair.startMachine();
    expect(await attest(server, machine)).toEqual(admitted(machine));
    await removeFromVerifier(pair.keylime, machine.agentId);
    expect(await attest(server, machine)).toMatchObject({
      half: "server",
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("[agent-not-enrolled]"),
    });
  });

  it("refuses a node whose registration is not activated or gone, and admits it when it has registered anew", async () => {
    const machine = await pair.startMachine();
    const path = `/v2.5/agents/${machine.agentId}`;
    const record = await registrarRecord(pair.keylime, machine.agentId);
    expect((await pair.keylime.askRegistrar(path, { method: "POST", body: record })).status).toBe(200);
    expect(await attest(server, machine)).toMatchObject({
      half: "server",
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("[agent-not-active]"),
    });

    expect((await pair.keylime.askRegistrar(path, { method: "DELETE" })).status).toBe(200);
    expect(await attest(server, machine)).toMatchObject({
      half: "server",
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("[agent-not-registered]"),
    });

    await machine.agent.register();
    expect(await attest(server, machine)).toEqual(admitted(machine));
  });
});

describeWithPeers(["spire-server", "spire-agent", ...keylimePeers], "what SPIRE's agent makes of a refusal", () => {
  let node: AttestingNode;
  beforeAll(async () => {
    // The verifier has answered long before the quote has come, as with a real TPM.
    node = await startAttestingNode({ enrol: { tpmPolicy: guarded }, quoteMs: 500 });
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  it("ends at once when its machine has failed, and tries again until it is enrolled otherwise", async () => {
    const { keylime, agentId, tpm } = node;
    await using server = await node.startSpireServer();
    const refusals = () =>
      server.logEntries().filter(({ level, method }) => level === "error" && method === "AttestAgent");

    tpm.extend(23, randomBytes(32));
    await until(async () => (await verifierAgent(keylime, agentId)).operational_state === 9, {
      what: "the verifier to refuse a quote",
      timeoutMs: 30_000,
    });
    await using denied = await node.startSpireAgent(server, { waitUntilHealthy: false });
    expect((await denied.child.exited).code).toBe(1);
    expect(denied.log()).toMatch(/code = PermissionDenied desc = nodeattestor\(keylime\): agent .* \[agent-failed\]/);
    await until(() => refusals().length > 0, { what: "the refusal in the server's log" });
    expect(refusals()).toHaveLength(1);

    tpm.resetPcr(23);
    await removeFromVerifier(keylime, agentId);
    await using retrying = await node.startSpireAgent(server, { waitUntilHealthy: false });
    await until(() => refusals().length >= 2, {
      what: "the refusal of an agent that is not enrolled",
      timeoutMs: 30_000,
    });
    await enrolAtVerifier(keylime, agentId);
    await retrying.waitUntilHealthy();
    expect(retrying.log()).toMatch(
      /code = FailedPrecondition desc = nodeattestor\(keylime\): .* \[agent-not-enrolled\]/,
    );
    expect(retrying.child.exit).toBeUndefined();
    expect((await server.agents()).map(({ id }) => id.path)).toEqual([`/spire/agent/keylime/${agentId}`]);
  });
});
