import { listed } from "../../core/listed.js";
import type { FaultId } from "../../faults/faults.js";
import type { Evidence } from "../checks/check.js";
import {
  areClear,
  type Examined,
  findingEvidence,
  findingsOf,
  gapsOf,
  type Judgement,
  type Verdict,
} from "./judgement.js";
import {
  connectionEvidence,
  leafEvidence,
  ownConnection,
  type PluginLeg,
  pluginLeg,
  settingEvidence,
} from "./plugin-leg.js";

const leg = "plugin->verifier";

/**
 * What may stand behind a handshake between plugin and verifier that fails, in the order in which to ask. Pure: only the
 * facts and what the checks made of them.
 */
export function hypotheses(examined: Examined): Judgement[] {
  const seen = pluginLeg(examined.facts);
  return [
    cannotPresent(seen),
    lacksAttribute(examined, seen),
    refusesWhatever(examined, seen),
    wrongCaFile(examined, seen),
    notTrusted(examined, seen),
  ];
}

const noPlugin: Evidence = { text: "no server.conf with Keylime's plugin was read" };

function cannotPresent(seen: PluginLeg | undefined): Judgement {
  const about = { id: "plugin-cannot-present", text: "The plugin cannot present a client certificate" };
  if (seen === undefined) return { ...about, verdict: "unknown", because: [noPlugin] };
  const { plugin, certificate } = seen;
  if (plugin.kind === "unknown") return { ...about, verdict: "unknown", because: [{ text: plugin.kindBecause }] };
  const takes = { text: `${plugin.kindBecause}; it takes a client certificate from keylime_tls_cert_file` };
  return { ...about, verdict: "refuted", because: [takes, settingEvidence(certificate.setting)] };
}

const attributeFaults: readonly FaultId[] = ["cert-no-client-auth", "ca-eku-limits", "cert-weak"];

function lacksAttribute(examined: Examined, seen: PluginLeg | undefined): Judgement {
  const about = {
    id: "certificate-lacks-attribute",
    text: "The certificate that is presented lacks an attribute that the verifier wants",
  };
  if (seen === undefined) return { ...about, verdict: "unknown", because: [noPlugin] };
  const found = findingsOf(examined, attributeFaults, leg);
  if (found.length > 0) return { ...about, verdict: "confirmed", because: found.map(findingEvidence) };
  const { leaf, setting } = seen.certificate;
  if (leaf === undefined) return { ...about, verdict: "unknown", because: [{ text: `${setting.path} was not read` }] };
  const { eku } = leaf.facts;
  const usages = eku === undefined ? "has no extended key usage, which allows every one" : `is for ${listed(eku)}`;
  const isForClients = eku === undefined || eku.includes("clientAuth") || eku.includes("anyExtendedKeyUsage");
  const wanted = "the verifier looks at the chain, the dates and the purpose clientAuth, at no name";
  const text = `its certificate ${usages}; ${wanted}`;
  return {
    ...about,
    verdict: isForClients ? "refuted" : "confirmed",
    because: [{ text }, ...leafEvidence(seen.certificate)],
  };
}

const trustFaults: readonly FaultId[] = ["verifier-trust-empty", "verifier-trust-list-syntax"];

function refusesWhatever(examined: Examined, seen: PluginLeg | undefined): Judgement {
  const about = {
    id: "verifier-refuses-every-certificate",
    text: "The verifier still asks for client certificates, and trusts no CA for them: it refuses every one",
  };
  const accepted = seen?.endpoint?.connections.filter(
    ({ presented, probed }) =>
      presented !== undefined && probed.client_certificates.length > 0 && probed.outcome === "accepted",
  );
  const found = findingsOf(examined, trustFaults);
  const evidence = found.map(findingEvidence);
  if (seen?.endpoint !== undefined && accepted !== undefined && accepted.length > 0) {
    const live = accepted.map((connection) => connectionEvidence(seen.endpoint!, connection));
    return { ...about, verdict: "refuted", because: [...live, ...evidence] };
  }
  if (found.length > 0) return { ...about, verdict: "confirmed", because: evidence };
  if (areClear(examined, ["verifier-trust-empty"])) {
    return { ...about, verdict: "refuted", because: clearEvidence(examined, "verifier-trust-empty") };
  }
  return { ...about, verdict: "unknown", because: gapsOr(examined, trustFaults, "the verifier's trust is not known") };
}

const fileFaults: readonly FaultId[] = ["plugin-missing-file", "plugin-unreadable-file"];
const caFaults: readonly FaultId[] = ["ca-wrong", "ca-bundle-incomplete", "ca-not-a-ca"];

function wrongCaFile(examined: Examined, seen: PluginLeg | undefined): Judgement {
  const about = { id: "plugin-ca-file-wrong", text: "The plugin's CA file is the wrong one, or cannot be read" };
  if (seen === undefined) return { ...about, verdict: "unknown", because: [noPlugin] };
  const { caFile } = seen.server.tls;
  const named = ({ finding }: ReturnType<typeof findingsOf>[number]): boolean =>
    finding.evidence.some(({ file, text }) => file === caFile.path || text.includes(caFile.path)) ||
    finding.summary.includes(caFile.path);
  const unread = findingsOf(examined, fileFaults).filter(named);
  if (unread.length > 0) return { ...about, verdict: "confirmed", because: unread.map(findingEvidence) };
  const setting = settingEvidence(caFile);
  if (!seen.server.verifiesServer) {
    const text = "the Go plugin reads the file and does not verify the verifier with it, so it cannot be what refuses";
    return { ...about, verdict: "refuted", because: [setting, { text }] };
  }
  const wrong = findingsOf(examined, caFaults, leg).filter(named);
  if (wrong.length > 0) return { ...about, verdict: "confirmed", because: wrong.map(findingEvidence) };
  const isClear = areClear(examined, [...fileFaults, "ca-wrong"]);
  const why = isClear
    ? clearEvidence(examined, "ca-wrong")
    : gapsOr(examined, [...fileFaults, "ca-wrong"], "not judged");
  return { ...about, verdict: isClear ? "refuted" : "unknown", because: [setting, ...why] };
}

const chainFaults: readonly FaultId[] = [
  "plugin-unknown-key",
  "plugin-default-cert",
  "verifier-trust-empty",
  "ca-wrong",
  "cert-chain-incomplete",
  "cert-order",
  "ca-bundle-incomplete",
  "ca-not-a-ca",
  "cert-expired",
  "cert-not-yet-valid",
  "cert-no-client-auth",
];

function notTrusted(examined: Examined, seen: PluginLeg | undefined): Judgement {
  const about = {
    id: "certificate-not-trusted",
    text: "The verifier does not trust the certificate that is presented",
  };
  if (seen === undefined) return { ...about, verdict: "unknown", because: [noPlugin] };
  const own = ownConnection(seen);
  const presented = [settingEvidence(seen.certificate.setting), ...leafEvidence(seen.certificate)];
  const live = own === undefined ? [] : [connectionEvidence(seen.endpoint!, own)];
  const found = findingsOf(examined, chainFaults, leg).filter(({ finding }) => finding.stopsAttestation);
  const verdict = liveVerdict(own?.probed.outcome) ?? (found.length > 0 ? "confirmed" : undefined);
  if (verdict !== undefined) {
    const reasons = verdict === "confirmed" ? found.map(findingEvidence) : [];
    return { ...about, verdict, because: [...presented, ...live, ...reasons] };
  }
  const isClear = areClear(examined, ["verifier-trust-empty", "ca-wrong"]);
  const why = isClear
    ? clearEvidence(examined, "ca-wrong")
    : gapsOr(examined, ["verifier-trust-empty", "ca-wrong"], "not judged");
  return { ...about, verdict: isClear ? "refuted" : "unknown", because: [...presented, ...why] };
}

function liveVerdict(outcome: "accepted" | "refused" | "unknown" | undefined): Verdict | undefined {
  return outcome === "accepted" ? "refuted" : outcome === "refused" ? "confirmed" : undefined;
}

function clearEvidence({ results }: Examined, id: FaultId): Evidence[] {
  return results.flatMap(({ check, outcome }) =>
    check.id === id && outcome.is === "clear" ? [{ text: `${check.title}: ${outcome.because}` }] : [],
  );
}

function gapsOr(examined: Examined, ids: readonly FaultId[], otherwise: string): Evidence[] {
  const gaps = gapsOf(examined, ids);
  return gaps.length > 0 ? gaps : [{ text: otherwise }];
}
