import { judgeState } from "../../keylime/attestation-state.js";
import type { EndpointFacts } from "../facts/endpoints/endpoint-facts.js";
import type { Facts } from "../facts/facts.js";
import type { FileFacts, LegId } from "../facts/files/file-facts.js";
import { certificateAt } from "../facts/files/read-content.js";
import type { LocatedCertificate, Presented } from "./leg.js";
import { located } from "./located.js";

/** The legs that are probed, by the name their endpoint has among the live facts. */
const endpointIds: Partial<Record<LegId, string>> = {
  "plugin->verifier": "plugin->verifier",
  "plugin->registrar": "plugin->registrar",
  "agent-plugin->agent": "agent-plugin->agent",
  // The Keylime agent serves everybody alike.
  "verifier->agent": "agent-plugin->agent",
};

export function liveEndpoint(id: LegId, { endpoints }: Pick<Facts, "endpoints">): EndpointFacts | undefined {
  return endpoints.known ? endpoints.value.find((each) => each.id === endpointIds[id]) : undefined;
}

/** The chain that a server really sent; a certificate that also stands in its file is told by the file. */
export function seenLive(
  id: LegId,
  facts: Pick<Facts, "endpoints">,
  file: FileFacts | undefined,
): Presented | undefined {
  const endpoint = liveEndpoint(id, facts);
  const chain = endpoint?.connections.find(({ serverChain }) => serverChain.length > 0)?.serverChain;
  if (endpoint === undefined || chain === undefined) return undefined;
  const seenAt = `${endpoint.host}:${endpoint.port}`;
  const inFile = file === undefined ? [] : located(file);
  const sent = chain.flatMap((der, index): LocatedCertificate[] => {
    const known = inFile.find(({ certificate }) => certificate.der === der);
    if (known !== undefined) return [known];
    const seen = readable(der, index);
    return seen === undefined ? [] : [{ certificate: seen, path: seenAt }];
  });
  const use = file?.uses.find(({ role, legs, end }) => role === "certificate" && end === "server" && legs.includes(id));
  return { own: file === undefined || use === undefined ? undefined : { use, file }, seenAt, sent };
}

function readable(der: string, index: number) {
  try {
    return certificateAt(Buffer.from(der, "base64"), { position: index + 1, line: 0 });
  } catch {
    return undefined;
  }
}

/** A request with the client's own certificate was answered: the handshake held. */
export function isTakenLive(id: LegId, facts: Pick<Facts, "endpoints">): boolean {
  const label = id === "verifier->agent" ? "verifier" : "configured";
  const own = liveEndpoint(id, facts)?.connections.find(({ presented }) => presented?.label === label);
  return own !== undefined && own.probed.outcome === "accepted" && own.probed.client_certificates.length > 0;
}

/** The verifier's last round with the agent was good, and recent. */
export function isAttested({ node: { verifier } }: Pick<Facts, "node">, nowMs: number): boolean {
  if (!verifier.known || verifier.value.is !== "enrolled") return false;
  const { agent, verifierNowMs = nowMs } = verifier.value;
  return judgeState(agent, { verifierNowMs, maxAgeMs: "auto" }).admitted;
}

/**
 * The certificate that the verifier has stored of the agent, beside which it trusts its CA files: it copied what the agent
 * registered. Where the registrar was not asked, that is what the agent presents.
 */
export function storedAtVerifier(
  { node: { registrar } }: Pick<Facts, "node">,
  presented: Presented | undefined,
): LocatedCertificate[] {
  if (!registrar.known || registrar.value.is !== "registered") return presented?.sent.slice(0, 1) ?? [];
  const der = registrar.value.entry.mtlsDer;
  const certificate = der === undefined ? undefined : readable(der, 0);
  return certificate === undefined ? [] : [{ certificate, path: registrar.source }];
}
