import { listed } from "../../../core/listed.js";
import type { FaultId } from "../../../faults/faults.js";
import { alertName } from "../../../tls/alert.js";
import { stacks } from "../../../x509/trust/stacks.js";
import type { Facts } from "../../facts/facts.js";
import { blame, type Refusal, refusalsOf } from "../../legs/blame.js";
import type { Leg, LegEnd, Presented } from "../../legs/leg.js";
import { legsOf } from "../../legs/legs-of.js";
import { located } from "../../legs/located.js";
import { type Evidence, type Finding, type Fix, foundOrClear, type JudgeContext, type Outcome } from "../check.js";
import { readerName, serviceName, useEvidence } from "../files/file-words.js";
import { unseenRefusal } from "../live/unseen-refusal.js";
import { certificateEvidence } from "./certificate-words.js";

/** What one check makes of a refusal: the words that come behind "refuses", what proves it besides, and the remedy. */
export interface Told {
  because: string;
  evidence?: readonly Evidence[];
  fix: Fix;
}

/** The outcome of a check that looks for refusals with one cause. `more` is what it found in the files alone. */
export function judgeLegs(
  facts: Facts,
  { nowMs }: JudgeContext,
  id: FaultId,
  tell: (refusal: Refusal) => Told,
  more: readonly Finding[] = [],
): Outcome {
  const legs = legsOf(facts, nowMs);
  const found = refusalsOf(legs).filter((refusal) => counts(refusal, id) && blame(refusal, facts.files, nowMs) === id);
  const findings = [...more, ...findingsOf(found.map((refusal) => ({ refusal, told: tell(refusal) })))];
  if (findings.length > 0) return foundOrClear(findings, "");
  const unseen = unseenRefusal(facts, nowMs);
  if (unseen?.id === id) return foundOrClear([unseen.finding], "");
  if (legs.length === 0) return { is: "skipped", reason: "no configuration that was read names a certificate" };
  const judged = legs.flatMap(acceptedText);
  if (judged.length > 0) return { is: "clear", because: judged.join("; ") };
  const open = legs.flatMap(({ verdicts }) => Object.values(verdicts)).find(({ is }) => is === "unknown");
  if (open?.is === "unknown") return { is: "unknown", reason: open.reason };
  return { is: "clear", because: "no side refuses the other for this" };
}

/**
 * What the verifier has really accepted outweighs what its file says; an empty trust list and a plugin that presents its
 * default for want of a key are faults of their own.
 */
function counts({ side, leg, judge, presenter }: Refusal, id: FaultId): boolean {
  if (side === "server" ? leg.isClientTakenLive : leg.isServerTakenLive) return false;
  if (judge.trust?.certificates.length === 0 || startsWithCa(presenter)) return false;
  return !(id === "ca-wrong" && side === "server" && presenter.presented?.own?.use.isDefault === true);
}

/** A file in the wrong order is a fault of its own: no program loads it with its leaf's key. */
function startsWithCa({ presented }: LegEnd): boolean {
  const file = presented?.own === undefined ? [] : located(presented.own.file);
  return file[0]?.certificate.facts.isCa === true && file.some(({ certificate }) => !certificate.facts.isCa);
}

function acceptedText({ id, verdicts, client, server }: Leg): string[] {
  const text = (judge: LegEnd, other: LegEnd) =>
    `${id}: ${readerName(judge.reader)} accepts ${readerName(other.reader)}`;
  return [
    ...(verdicts.client.is === "accepts" && verdicts.client.isVerified ? [text(client, server)] : []),
    ...(verdicts.server.is === "accepts" ? [text(server, client)] : []),
  ];
}

interface ToldRefusal {
  refusal: Refusal;
  told: Told;
}

/** Refusals that one remedy mends are one finding, with every leg among its evidence. */
function findingsOf(all: readonly ToldRefusal[]): Finding[] {
  const groups = groupBy(all, ({ told: { because, fix } }) => `${because}\n${fix.action}`);
  return [...groups.values()].map(([first, ...more]) => findingOf([first!, ...more]));
}

function findingOf(group: readonly [ToldRefusal, ...ToldRefusal[]]): Finding {
  const [{ told }] = group;
  const refusals = group.map(({ refusal }) => refusal);
  const main = refusals.find(({ leg }) => stopsLeg(leg)) ?? refusals[0]!;
  const others = refusals.filter((each) => each !== main).map(({ leg }) => leg.id);
  const stops = stopsLeg(main.leg);
  const restarted = [...new Set(refusals.map((refusal) => serviceName(fixedAt(refusal, told.fix))))];
  return {
    severity: stops ? "error" : "warning",
    stopsAttestation: stops,
    summary: `${refusalText(refusals)}: ${told.because}`,
    evidence: distinct([
      ...refusals.flatMap(refusalEvidence),
      ...group.flatMap(({ told: { evidence = [] } }) => evidence),
    ]),
    fix: { ...told.fix, action: `${told.fix.action}, then restart ${listed(restarted)}` },
    leg: main.leg.id,
    ...(others.length === 0 ? {} : { otherLegs: others }),
  };
}

/** Who refuses what; those who refuse the same certificate share a verb. */
function refusalText(refusals: readonly Refusal[]): string {
  const refused = groupBy(refusals, ({ presenter }) => {
    const leaf = presenter.presented!.sent[0]!.certificate.facts.subject;
    return `${readerName(presenter.reader)}'s certificate ${leaf}`;
  });
  const clauses = [...refused].map(([what, by]) => {
    const judges = [...new Set(by.map(({ judge }) => readerName(judge.reader)))];
    return `${listed(judges)} ${judges.length === 1 ? "refuses" : "refuse"} ${what}`;
  });
  return listed(clauses);
}

function refusalEvidence(refusal: Refusal): Evidence[] {
  const { judge, presenter } = refusal;
  return [
    verdictEvidence(refusal),
    ...presentedEvidence(presenter.presented!),
    ...(judge.trust?.parts ?? []).map(({ use }) => useEvidence(use)),
    ...trustEvidence(judge),
  ];
}

function groupBy<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}

/** Two legs may share a file. */
const distinct = (all: readonly Evidence[]): Evidence[] => [
  ...new Map(all.map((each) => [JSON.stringify(each), each])).values(),
];

/** Who reads the file that the fix changes: the presenter unless the fix is about trust. */
function fixedAt({ judge, presenter }: Refusal, { action }: Fix) {
  const isTrust = judge.trust?.parts.some(({ file }) => action.includes(file.path)) ?? false;
  return isTrust ? judge.reader : presenter.reader;
}

/** The tenant enrols nodes; those that are enrolled attest without it. */
export const stopsLeg = ({ id }: Pick<Leg, "id">): boolean => !id.startsWith("tenant->");

export function presentedEvidence({ own, seenAt, sent }: Presented): Evidence[] {
  const where = seenAt === undefined || seenAt === sent[0]?.path ? "" : `as seen at ${seenAt}`;
  return [
    ...(own === undefined ? [] : [useEvidence(own.use)]),
    ...sent.map(({ certificate, path }, i) => certificateEvidence(certificate, path, i === 0 ? where : "sent with it")),
  ];
}

function trustEvidence({ trust }: LegEnd): Evidence[] {
  return (trust?.parts ?? []).map(({ file }) => {
    const subjects = trust!.certificates
      .filter(({ path }) => path === file.path)
      .map(({ certificate }) => certificate.facts.subject);
    const held = subjects.length === 0 ? "no certificate" : shortList(subjects);
    return { text: `${file.path} holds ${held}`, file: file.path };
  });
}

function shortList(texts: readonly string[]): string {
  const shown = texts.slice(0, 4).join("; ");
  return texts.length > 4 ? `${shown} and ${texts.length - 4} more` : shown;
}

function verdictEvidence({ judge, presenter, verdict }: Refusal): Evidence {
  const { error, depth, alert, certificate } = verdict;
  const at = certificate === undefined ? "" : `, ${certificate.certificate.facts.subject}`;
  const told = alert === undefined ? "it closes the connection without an alert" : `alert ${alert} ${alertName(alert)}`;
  const text = `${stacks[judge.stack].name} says: ${error.text} (${error.name}) at depth ${depth}${at}; ${readerName(presenter.reader)} gets: ${told}`;
  return { text };
}
