import { createSelfSigned } from "../../../src/peers/pki/authority.js";
import type { FieldReportPki } from "../../../src/peers/pki/field-report-pki.js";
import type { KeylimeWorld } from "../../fakes/keylime-world.js";
import type { LiveSetUp } from "./live-set-ups.js";
import { healthy, verifierConf } from "./set-ups.js";

const pin = "/etc/keylime/certs/agent-pin.crt";
const served = new Map<string, string>();

/** Lets the Keylime agent serve a certificate that it made for itself, as it does without one. */
export async function serveSelfSigned({ agent, agentId }: KeylimeWorld, pki: FieldReportPki): Promise<void> {
  const names = { commonName: agentId, dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] };
  const { certPem, keyPem } = await createSelfSigned(names);
  agent.rotateTls({ certPem, keyPem, trustedClientCaPem: pki.caCompleteChainPem });
  served.set(agentId, certPem);
}

/** The agent plugin trusts that very certificate, and the verifier speaks TLS to its agents. */
export const selfSignedPinned: Pick<LiveSetUp, "changes" | "files"> = {
  changes: () => ({ agent: { keylime_agent_ca_cert_file: pin } }),
  files: ({ agentId }, pki) => ({
    [pin]: served.get(agentId)!,
    [verifierConf]: `${healthy(pki)[verifierConf]}`.replace("enable_agent_mtls = False", "enable_agent_mtls = True"),
  }),
};
