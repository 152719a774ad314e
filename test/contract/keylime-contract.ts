import { afterAll, beforeAll, describe, onTestFailed } from "vitest";
import { attestationContract } from "./attestation-contract.js";
import { type Askers, askersOf, type ContractPeers } from "./contract-peers.js";
import { enrolmentContract } from "./enrolment-contract.js";
import { policyContract } from "./policy-contract.js";
import { registrarContract } from "./registrar-contract.js";
import { versionContract } from "./version-contract.js";

/** What the parts of the contract work with; there only while tests run. */
export interface ContractRun {
  peers(): ContractPeers;
  ask(): Askers;
}

/**
 * What Keylime 7.14.3 does with well-formed traffic and clear refusals. The same suite runs on the embedded peers and
 * on the real ones; where they disagree the embedded ones are wrong.
 */
export function keylimeContract(name: string, setUp: () => Promise<ContractPeers>): void {
  describe(name, () => {
    let peers: ContractPeers | undefined;
    const run: ContractRun = {
      peers: () => peers!,
      ask: () => askersOf(peers!),
    };
    beforeAll(async () => {
      peers = await setUp();
    });
    afterAll(() => peers?.stop());
    versionContract(run);
    registrarContract(run);
    enrolmentContract(run);
    policyContract(run);
    attestationContract(run);
  });
}

/** Shows what the peers printed when the test that calls this fails. */
export function showLogsOnFailure({ peers }: ContractRun): void {
  onTestFailed(() => {
    process.stderr.write(peers().logs());
  });
}
