import type { ContractRun } from "./keylime-contract.js";

export function attestationContract(_run: ContractRun): void {}
