import { silentLogger } from "../../src/core/logger.js";
import { fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { startRegistrar } from "../../src/peers/registrar/registrar.js";
import { startVerifier } from "../../src/peers/verifier/verifier.js";
import type { ContractPeers } from "../contract/contract-peers.js";
import { keylimeContract } from "../contract/keylime-contract.js";

const local = { host: "127.0.0.1", port: 0 };

keylimeContract("embedded Keylime", async (): Promise<ContractPeers> => {
  const pki = await fieldReportPki();
  const trust = pki.caCompleteChainPem;
  const lines: string[] = [];
  const logger = {
    ...silentLogger,
    log: (level: string, message: string, fields?: object) => {
      lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}\n`);
    },
  };
  const registrar = await startRegistrar({
    http: local,
    https: local,
    tls: { certPem: pki.registrar.chainPem, keyPem: pki.registrar.keyPem, trustedClientCaPem: trust },
    logger,
  });
  const verifier = await startVerifier({
    ...local,
    tls: { certPem: pki.verifier.chainPem, keyPem: pki.verifier.keyPem, trustedClientCaPem: trust },
    clientTls: { certPem: pki.verifier.chainPem, keyPem: pki.verifier.keyPem, trustedServerCaPem: trust },
    quoteIntervalMs: 1000,
    retryIntervalMs: 1000,
    maxRetries: 2,
    logger,
  });
  return {
    verifier: verifier.address,
    registrar: { http: registrar.httpAddress, https: registrar.httpsAddress },
    caPem: trust,
    admin: { certPem: pki.tenant.chainPem, keyPem: pki.tenant.keyPem },
    agentTls: { certPem: pki.agent.certPem, keyPem: pki.agent.keyPem, trustedClientCaPem: trust },
    quoteIntervalS: 1,
    logs: () => lines.join(""),
    async stop() {
      await Promise.all([verifier.stop(), registrar.stop()]);
    },
  };
});
