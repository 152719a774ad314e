import { rename } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RunningHalf } from "../../src/rehearse/half.js";
import { until } from "../support/until.js";
import { untilAttested, verifierAgent } from "./support/enrol.js";
import { attest, type HostedPair, type Machine, type Outcome, startHostedPair } from "./support/hosted-pair.js";
import type { RealKeylime } from "./support/keylime.js";
import { describeWithPeers } from "./support/peers.js";

const inFlight = 8;

describeWithPeers(["keylime_verifier", "keylime_registrar"], `${inFlight} attestations always in flight`, () => {
  let pair: HostedPair;
  let server: RunningHalf;
  let machine: Machine;
  let load: Load;

  beforeAll(async () => {
    pair = await startHostedPair();
    server = await pair.startServerHalf();
    machine = await pair.startMachine({ keys: "ecc256" });
    load = new Load(server, machine);
  });
  afterAll(async () => {
    await load?.stop();
    await pair?.[Symbol.asyncDispose]();
  });

  it("fail as unavailable while the verifier is stopped, and go on by themselves when it is back", async () => {
    const { pid } = server.plugin;
    const { keylime } = pair;
    load.start();
    await load.until("admissions", 3 * inFlight);
    const { attestation_count: rounds } = await verifierAgent(keylime, machine.agentId);

    const beforeStop = load.mark();
    await keylime.stopVerifier();
    await load.until("refusals", 3 * inFlight);
    const beforeStart = load.mark();
    await keylime.startVerifier();
    await untilAttested(keylime, machine.agentId, rounds + 1);
    const back = load.mark();
    await load.until("admissions", 3 * inFlight);
    await load.stop();

    expect(load.refusals(0, beforeStop)).toEqual([]);
    for (const refusal of load.refusals(beforeStop, beforeStart)) expect(refusal).toEqual(unreachable(keylime));
    // A verifier that has just started has forgotten the state of its agents until their next quote.
    const forgotten = {
      half: "server",
      code: "FAILED_PRECONDITION",
      message: expect.stringMatching(/ is in state 1 \(Start\) at the verifier: .* \[agent-state-unproven\]/),
    };
    for (const refusal of load.refusals(beforeStart, back + inFlight)) {
      expect([unreachable(keylime), forgotten]).toContainEqual(refusal);
    }
    expect(load.refusals(back + inFlight)).toEqual([]);
    expect([server.ended(), server.plugin.pid]).toEqual([undefined, pid]);
  });

  it("never fail while the client certificate is rotated five times", async () => {
    await load.stop();
    load = new Load(server, machine);
    const logged = pair.logs().length;
    load.start();
    await load.until("admissions", inFlight);
    for (let round = 1; round <= 5; round++) {
      const commonName = await rotate(pair, round);
      await until(() => pair.keylime.logs().includes(`identity=${commonName},`), {
        what: `the verifier to see ${commonName}`,
      });
      await load.until("admissions", inFlight);
    }
    await load.stop();
    expect(load.refusals()).toEqual([]);
    // Nor was a key without its certificate, as they stand between two renames, worth a complaint.
    expect(
      pair
        .logs()
        .slice(logged)
        .filter((line) => /^(warn|error) /.test(line)),
    ).toEqual([]);
  });

  it("are over, and the next one presents a certificate rotated since", async () => {
    const commonName = await rotate(pair, 6);
    await until(
      async () => {
        expect(await attest(server, machine)).toEqual({ spiffeId: expect.any(String) });
        return pair.keylime.logs().includes(`identity=${commonName},`);
      },
      { what: `the verifier to see ${commonName}` },
    );
  });
});

/** What the node is told while nobody answers at the verifier's address. */
const unreachable = ({ ports }: RealKeylime) => ({
  half: "server",
  code: expect.stringMatching(/^(UNAVAILABLE|DEADLINE_EXCEEDED)$/),
  message: expect.stringMatching(
    new RegExp(
      `the Keylime verifier at 127\\.0\\.0\\.1:${ports.verifier}: .* \\[verifier-unreachable\\]; start the verifier`,
    ),
  ),
});

/** Replaces the plugin's certificate as certbot and its like do, one file after the other; returns the new name in it. */
async function rotate({ dir, pki }: HostedPair, round: number): Promise<string> {
  const commonName = `rotated-${round}.spire-server.keylime.funlab.casa`;
  const rotated = await pki.issue({ commonName, eku: ["clientAuth"] });
  for (const [name, pem] of [["plugin.key", rotated.keyPem] as const, ["plugin.crt", rotated.chainPem] as const]) {
    await rename(await dir.write(`${name}.new`, pem), dir.file(name));
  }
  return commonName;
}

/** Attestations that follow each other without a pause, so many at a time. */
class Load {
  private readonly outcomes: Outcome[] = [];
  private workers: Promise<void>[] = [];
  private isStopping = false;

  constructor(
    private readonly server: RunningHalf,
    private readonly machine: Machine,
  ) {}

  start(): void {
    this.workers = Array.from({ length: inFlight }, () => this.work());
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.workers);
  }

  /** How many have ended: a place in their row. */
  mark(): number {
    return this.outcomes.length;
  }

  refusals(from = 0, to?: number): Outcome[] {
    return this.outcomes.slice(from, to).filter((outcome) => "message" in outcome);
  }

  /** Waits for so many more. */
  async until(what: "admissions" | "refusals", count: number): Promise<void> {
    const from = this.mark();
    const found = () => {
      const refusals = this.refusals(from).length;
      return what === "refusals" ? refusals : this.mark() - from - refusals;
    };
    await until(() => found() >= count, { what: `${count} ${what}`, timeoutMs: 60_000 });
  }

  private async work(): Promise<void> {
    while (!this.isStopping) {
      const outcome = await attest(this.server, this.machine);
      this.outcomes.push(outcome);
      // Refusals come at once; the machine is not to spend itself on them.
      if ("message" in outcome) await pause(100);
    }
  }
}
