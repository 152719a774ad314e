import { hasSection } from "../../../keylime/config/settle-option.js";
import type { Facts } from "../../facts/facts.js";
import type { KeylimeServiceFacts } from "../../facts/keylime/keylime-facts.js";
import { endsOf, type Leg, type LocatedCertificate } from "../../legs/leg.js";
import { findLeg } from "../../legs/legs-of.js";
import { certificateEvidence } from "../certificates/certificate-words.js";
import type { Evidence } from "../check.js";
import { configuredConnection, connectionEvidence, isRefusedForItsCa, targetOf } from "../live/judge-endpoints.js";
import { type Proof, proofOf, type WrittenFile } from "./contradiction-proof.js";
import { emptinessOf } from "./trust-emptiness.js";
import { baseFile, isTaken, type LiveAnswer, liveVerifier, optionEvidence } from "./verifier-conf.js";

export const contradictionIds = [
  "verifier-runs-without-its-file",
  "certificate-taken-against-the-file",
  "certificate-refused-against-the-file",
  "server-certificate-differs",
] as const;
export type ContradictionId = (typeof contradictionIds)[number];

/** Something that the verifier's files make impossible, and that was seen. */
export interface Contradiction {
  id: ContradictionId;
  /** One line: what the file says, and what was seen instead. */
  summary: string;
  says: Evidence;
  seen: Evidence;
  /** The verifier as it runs refuses the plugin, or the plugin it. */
  stopsAttestation: boolean;
  proof: Proof;
}

const name = "trusted_client_ca";

/** Where the files of the verifier and the way it behaves exclude one another. Pure. */
export function contradictionsOf(facts: Facts, nowMs: number): Contradiction[] {
  const { verifier } = facts.keylime;
  const live = liveVerifier(facts);
  if (!verifier.known || live === undefined) return [];
  const compared = { facts, service: verifier.value, live, nowMs };
  const unstartable = cannotHaveStarted(compared);
  if (unstartable !== undefined) return [unstartable];
  return [
    takenAgainstTheFile(compared) ?? takenAgainstTheCas(compared),
    refusedAgainstTheFile(compared),
    otherServerCertificate(compared),
  ].filter((each) => each !== undefined);
}

/** What the files say, and what the verifier did. */
interface Compared {
  facts: Facts;
  service: KeylimeServiceFacts;
  live: LiveAnswer;
  nowMs: number;
}

/** A verifier that reads such a file stops at its start, yet one answers. */
function cannotHaveStarted({ facts, service, live }: Compared): Contradiction | undefined {
  const { option, list } = service.tls.trustedClientCa!;
  const file = baseFile(service);
  const why = !hasSection(service.config)
    ? { text: "there is no section [verifier]", file }
    : list.is === "invalid" && option !== undefined
      ? { ...optionEvidence(option), text: `${name} = ${option.value} is no list that Keylime takes` }
      : undefined;
  if (why === undefined) return undefined;
  const target = targetOf(live.endpoint);
  return {
    id: "verifier-runs-without-its-file",
    summary: `${why.text}, with which Keylime does not start, yet a verifier answers at ${target}`,
    says: why,
    seen: answered(live),
    stopsAttestation: false,
    proof: proofOf(facts, live, configurationFiles(service)),
  };
}

function answered({ endpoint, taken, refused, anonymous }: LiveAnswer): Evidence {
  const connection = taken ?? refused ?? anonymous;
  return connection === undefined
    ? { text: `${targetOf(endpoint)} speaks TLS` }
    : connectionEvidence(endpoint, connection);
}

/** No CA is trusted, which refuses every certificate, yet one is taken. */
function takenAgainstTheFile({ facts, service, live }: Compared): Contradiction | undefined {
  const empty = emptinessOf(facts, service);
  if (empty === undefined || live.taken === undefined) return undefined;
  return {
    id: "certificate-taken-against-the-file",
    summary: `${empty.summary}, which refuses every client certificate, yet ${targetOf(live.endpoint)} takes ${live.taken.presented!.name}`,
    says: empty.evidence,
    seen: connectionEvidence(live.endpoint, live.taken),
    stopsAttestation: false,
    proof: proofOf(facts, live, configurationFiles(service)),
  };
}

/** The CAs that the file names refuse the plugin's certificate, yet it is taken. */
function takenAgainstTheCas({ facts, service, live, nowMs }: Compared): Contradiction | undefined {
  const own = configuredConnection(live.endpoint);
  const leg = pluginLeg(facts, nowMs);
  if (own === undefined || !isTaken(own) || leg?.verdicts.server.is !== "refuses") return undefined;
  const { files } = service.tls.trustedClientCa!;
  return {
    id: "certificate-taken-against-the-file",
    summary: `${files.join(", ")} does not let the verifier take ${own.presented!.name} (${leg.verdicts.server.error.text}), yet ${targetOf(live.endpoint)} takes it`,
    says: trustEvidence(service),
    seen: connectionEvidence(live.endpoint, own),
    stopsAttestation: false,
    proof: proofOf(facts, live, [...configurationFiles(service), ...trustFiles(leg)]),
  };
}

const pluginLeg = (facts: Facts, nowMs: number) => findLeg("plugin->verifier", facts, nowMs);

function trustEvidence({ tls }: KeylimeServiceFacts): Evidence {
  const { option, files } = tls.trustedClientCa!;
  return option === undefined ? { text: `${name} is ${files.join(", ")}` } : optionEvidence(option);
}

function trustFiles(leg: Leg): WrittenFile[] {
  return (endsOf(leg, "server").judge.trust?.parts ?? []).flatMap(({ file }) => written(file));
}

/** The CAs that the file names accept the plugin's certificate, yet it is refused for want of a CA. */
function refusedAgainstTheFile({ facts, service, live, nowMs }: Compared): Contradiction | undefined {
  const own = configuredConnection(live.endpoint);
  const leg = pluginLeg(facts, nowMs);
  if (own === undefined || leg?.verdicts.server.is !== "accepts" || !isRefusedForItsCa(own)) return undefined;
  const { files } = service.tls.trustedClientCa!;
  return {
    id: "certificate-refused-against-the-file",
    summary: `${name} names ${files.join(", ")}, which vouches for ${own.presented!.name}, yet ${targetOf(live.endpoint)} refuses it`,
    says: trustEvidence(service),
    seen: connectionEvidence(live.endpoint, own),
    stopsAttestation: true,
    proof: proofOf(facts, live, [...configurationFiles(service), ...trustFiles(leg)]),
  };
}

/** The certificate file was exchanged while the verifier ran; without that proof a proxy may stand in between. */
function otherServerCertificate({ facts, service, live, nowMs }: Compared): Contradiction | undefined {
  const path = service.tls.server?.cert.path;
  const leg = pluginLeg(facts, nowMs);
  const file = facts.files.find((each) => each.path === path);
  const inFile = file?.content.known ? file.content.value.certificates[0] : undefined;
  const sent = leg?.server.presented?.seenAt === undefined ? undefined : leg.server.presented.sent[0];
  if (file === undefined || inFile === undefined || sent === undefined) return undefined;
  if (sent.certificate.facts.sha256 === inFile.facts.sha256) return undefined;
  const proof = proofOf(facts, live, written(file));
  if (proof.is !== "verifier-config-drift") return undefined;
  return {
    id: "server-certificate-differs",
    summary: `${path} holds another certificate than ${targetOf(live.endpoint)} presents`,
    says: certificateEvidence(inFile, file.path, ""),
    seen: presentedEvidence(sent),
    stopsAttestation: leg!.verdicts.client.is === "refuses",
    proof,
  };
}

function presentedEvidence({ certificate, path }: LocatedCertificate): Evidence {
  const { subject, issuer, serial, sha256, notAfterMs } = certificate.facts;
  return {
    text: `${path} presents ${subject}, issued by ${issuer}, until ${new Date(notAfterMs).toISOString()}`,
    certificate: { subject, issuer, serial, sha256, file: path },
  };
}

function configurationFiles({ modifiedMs }: KeylimeServiceFacts): WrittenFile[] {
  return Object.entries(modifiedMs).map(([path, changedMs]) => ({ path, changedMs }));
}

function written({ path, state }: Facts["files"][number]): WrittenFile[] {
  return state.known && state.value.is === "file" ? [{ path, changedMs: state.value.modifiedMs }] : [];
}
