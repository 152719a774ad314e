import { fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import type { ContractPeers } from "../contract/contract-peers.js";
import { keylimeContract } from "../contract/keylime-contract.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { startRealKeylime } from "./support/keylime.js";
import { describeWithPeers } from "./support/peers.js";

describeWithPeers(["keylime_verifier", "keylime_registrar"], "the Keylime contract", () => {
  keylimeContract("Keylime 7.14.3", async (): Promise<ContractPeers> => {
    const dir = await temporaryDirectory();
    const pki = await fieldReportPki();
    const keylime = await startRealKeylime({ dir: dir.path, pki });
    const host = "127.0.0.1";
    const { ports } = keylime;
    return {
      verifier: { host, port: ports.verifier },
      registrar: { http: { host, port: ports.registrarHttp }, https: { host, port: ports.registrarTls } },
      caPem: pki.caCompleteChainPem,
      admin: { certPem: pki.tenant.chainPem, keyPem: pki.tenant.keyPem },
      agentTls: {
        certPem: pki.agent.certPem,
        keyPem: pki.agent.keyPem,
        trustedClientCaPem: pki.caCompleteChainPem,
      },
      quoteIntervalS: 1,
      logs: () => keylime.logs(),
      async stop() {
        await keylime.stop();
        await dir[Symbol.asyncDispose]();
      },
    };
  });
});
