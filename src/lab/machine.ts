import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type KeylimeAgent, startKeylimeAgent } from "../peers/agent/keylime-agent.js";
import type { FieldReportPki } from "../peers/pki/field-report-pki.js";
import type { Started } from "../peers/real/started.js";
import { SoftwareTpm } from "../peers/tpm/software-tpm.js";
import type { LabFiles } from "./lab-files.js";
import type { LabPorts } from "./lab-ports.js";

/** The machine under Keylime's care: a software TPM and the Keylime agent on it, not yet registered. */
export async function startMachine(
  { agent, caCompleteChainPem }: FieldReportPki,
  { keylimeWork }: LabFiles,
  ports: LabPorts,
  started: Started,
): Promise<{ tpm: SoftwareTpm; agentId: string; keylimeAgent: KeylimeAgent }> {
  const tpm = await SoftwareTpm.create();
  const agentId = randomUUID();
  await mkdir(keylimeWork, { recursive: true });
  const keylimeAgent = await startKeylimeAgent({
    tpm,
    agentId,
    listen: local(ports.keylimeAgent),
    registrar: local(ports.registrarHttp),
    payloadKeyFile: join(keylimeWork, "payload-private.pem"),
    tls: { certPem: agent.certPem, keyPem: agent.keyPem, trustedClientCaPem: caCompleteChainPem },
  });
  started.keep(keylimeAgent);
  return { tpm, agentId, keylimeAgent };
}

const local = (port: number) => ({ host: "127.0.0.1", port });
