import { settleAgentOption } from "../../keylime/config/agent-config.js";
import { hasSection, settleOption } from "../../keylime/config/settle-option.js";
import type { Evidence } from "../checks/check.js";
import { anonymousConnection } from "../checks/live/judge-endpoints.js";
import { emptinessOf } from "../checks/verifier/trust-emptiness.js";
import { optionEvidence } from "../checks/verifier/verifier-conf.js";
import type { EndpointFacts } from "../facts/endpoints/endpoint-facts.js";
import type { KeylimeServiceFacts } from "../facts/keylime/keylime-facts.js";
import { type Examined, findingEvidence, findingsOf, gapsOf, type Judgement } from "./judgement.js";
import { connectionEvidence, leafEvidence, type PluginLeg, pluginLeg, settingEvidence } from "./plugin-leg.js";

/** What has to be known of every set-up before a refused handshake can be understood. Pure. */
export function questions(examined: Examined): Judgement[] {
  const seen = pluginLeg(examined.facts);
  return [takesCertificate(examined, seen), requiresCertificate(examined, seen), agentMtls(examined, seen)];
}

function takesCertificate(examined: Examined, seen: PluginLeg | undefined): Judgement {
  const about = {
    id: "plugin-takes-client-certificate",
    text: "Does the plugin take a client certificate, and which one?",
  };
  if (seen === undefined) {
    return { ...about, verdict: "unknown", because: [{ text: "no server.conf with Keylime's plugin was read" }] };
  }
  const { plugin, certificate } = seen;
  const rehearsed = rehearsalEvidence(examined.facts);
  const presents = [settingEvidence(certificate.setting), ...leafEvidence(certificate), ...rehearsed];
  if (plugin.kind === "unknown" && rehearsed.length === 0)
    return { ...about, verdict: "unknown", because: [{ text: plugin.kindBecause }, ...presents] };
  const keys = plugin.kind === "unknown" ? "" : ": it takes keylime_tls_cert_file and keylime_tls_key_file";
  const takes = { text: `${plugin.kindBecause}${keys}` };
  const ignored = findingsOf(examined, ["plugin-unknown-key"]).filter(({ finding }) => finding.stopsAttestation);
  return { ...about, verdict: "confirmed", because: [takes, ...ignored.map(findingEvidence), ...presents] };
}

/** What the plugin presented when the doctor started it. */
function rehearsalEvidence({ rehearsal }: Examined["facts"]): Evidence[] {
  if (!rehearsal.known) return [];
  const { command, presented } = rehearsal.value;
  const [leaf] = presented;
  if (leaf === undefined) return [{ text: `${command}, started here, presents no certificate` }];
  const text = `${command}, started here, presents ${leaf.subject}, issued by ${leaf.issuer}`;
  return [{ text, certificate: { ...leaf, file: "seen in the handshake" } }];
}

function requiresCertificate(examined: Examined, seen: PluginLeg | undefined): Judgement {
  const about = { id: "verifier-requires-client-certificate", text: "Does the verifier require a client certificate?" };
  const rule = {
    text: "it asks every client for one, and takes what chains to a root of trusted_client_ca, is for clientAuth and within its dates; without one the handshake goes on, and the admin routes answer 403 (Keylime 7.14)",
  };
  const without = seen?.endpoint === undefined ? undefined : anonymousConnection(seen.endpoint);
  if (seen?.endpoint === undefined || without === undefined) {
    const written = clientTrust(examined.facts);
    const verdict = written.length > 0 ? "confirmed" : "unknown";
    return { ...about, verdict, because: [...written, rule, ...gaps(examined)] };
  }
  const { certificate_request: request, outcome, http } = without.probed;
  const live = connectionEvidence(seen.endpoint, without);
  const asked = request === null ? "it asks for no client certificate" : requestText(request.ca_names);
  const isRequired = request !== null && (outcome === "refused" || http?.status === 403);
  const disputed = gapsOf(examined, ["verifier-trust-empty"]);
  const because = [live, { text: asked }, ...clientTrust(examined.facts), ...disputed, rule];
  if (isRequired) return { ...about, verdict: "confirmed", because };
  return { ...about, verdict: request === null ? "refuted" : "unknown", because };
}

/** What the verifier's configuration makes of client certificates; nothing when it could not be read to its end. */
function clientTrust({ keylime: { verifier }, scope }: Examined["facts"]): Evidence[] {
  const service = readService(verifier);
  if (service === undefined || !hasSection(service.config)) return [];
  const { option, list, files } = service.tls.trustedClientCa!;
  const empty = emptinessOf({ scope }, service);
  if (empty !== undefined) {
    return [{ ...empty.evidence, text: `${empty.evidence.text}: by this, every certificate is refused` }];
  }
  if (list.is === "invalid") return [];
  if (option === undefined) return [];
  return [
    { ...optionEvidence(option), text: `${optionEvidence(option).text}: one below a root in ${files.join(", ")}` },
  ];
}

function requestText(names: readonly string[]): string {
  return `it asks for a client certificate, ${names.length === 0 ? "naming no CA" : `naming ${names.join("; ")}`}`;
}

function gaps(examined: Examined): Evidence[] {
  const reasons = gapsOf(examined, ["verifier-unreachable"]);
  return reasons.length > 0 ? reasons : [{ text: "the verifier was not asked" }];
}

function agentMtls({ facts }: Examined, seen: PluginLeg | undefined): Judgement {
  const rule = {
    text: "enable_agent_mtls governs only the verifier's own connections to Keylime agents, not what it asks of its clients (keylime 7.14, web_util.py)",
  };
  return {
    id: "enable-agent-mtls-turns-client-certificates-off",
    text: "Does enable_agent_mtls = False turn client certificates off?",
    verdict: "refuted",
    because: [
      ...agentMtlsEvidence(facts),
      rule,
      ...(seen?.endpoint === undefined ? [] : requestEvidence(seen.endpoint)),
    ],
  };
}

/** The option as it stands with the verifier and with the Keylime agent, whose option of that name is another one. */
function agentMtlsEvidence({ keylime: { verifier, agent } }: Examined["facts"]): Evidence[] {
  const name = "enable_agent_mtls";
  const service = readService(verifier);
  const option = service === undefined ? undefined : settleOption(service.config, name);
  const own = agent.known ? settleAgentOption(agent.value.config, name) : undefined;
  return [
    ...(option === undefined ? [] : [ofWhom(optionEvidence(option), "the verifier's")]),
    ...(own?.source === undefined
      ? []
      : [ofWhom(optionEvidence({ ...own, source: own.source }), "the Keylime agent's own option, for its own port")]),
  ];
}

function ofWhom(evidence: Evidence, whose: string): Evidence {
  return { ...evidence, text: `${evidence.text} (${whose})` };
}

function readService(verifier: Examined["facts"]["keylime"]["verifier"]): KeylimeServiceFacts | undefined {
  if (!verifier.known || verifier.value.config.files.some(({ content }) => content.is !== "read")) return undefined;
  return verifier.value;
}

function requestEvidence({ host, port, connections }: EndpointFacts): Evidence[] {
  const asked = connections.find(({ probed }) => probed.certificate_request !== null);
  return asked === undefined ? [] : [{ text: `${host}:${port} asks for a client certificate` }];
}
