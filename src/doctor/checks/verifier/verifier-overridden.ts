import { type OptionSource, type SettledOption, sourceText } from "../../../keylime/config/component-config.js";
import { readTrustList } from "../../../keylime/config/trust-list.js";
import type { Facts } from "../../facts/facts.js";
import type { KeylimeServiceFacts } from "../../facts/keylime/keylime-facts.js";
import { defineCheck, type Evidence, type Finding, foundOrClear } from "../check.js";
import { otherFileOf } from "./contradiction-proof.js";
import { type Contradiction, contradictionsOf } from "./contradictions.js";
import { baseFile, errorThatStops, judgeVerifier, optionEvidence, restart, setOptionFix } from "./verifier-conf.js";

const name = "trusted_client_ca";

export const verifierOverridden = defineCheck({
  id: "verifier-overridden",
  family: "verifier",
  title: "no other source takes away what the verifier's file says",
  judge: (facts, { nowMs }) =>
    judgeVerifier(facts, (service) => {
      const unseen = contradictionsOf(facts, nowMs).filter(({ proof }) => proof.is === "verifier-overridden");
      const findings = [...takenAway(service), ...unseen.map(unseenFinding), ...readsAnother(facts, service, unseen)];
      return foundOrClear(findings, whoSays(service));
    }),
});

/** A list of CAs that an earlier source sets, and a later one empties. */
function takenAway(service: KeylimeServiceFacts): Finding[] {
  const option = service.tls.trustedClientCa?.option;
  const lost = option?.overrides.find(({ value }) => namesCas(value));
  if (option === undefined || lost === undefined || namesCas(option.value)) return [];
  const wins = `${name} = ${option.value === "" ? "(nothing)" : option.value}`;
  const finding = errorThatStops({
    summary: `${sourceText(option.source)} sets ${wins} and wins over ${sourceText(lost.source)}, which names the CAs`,
    evidence: [optionEvidence(option), lostEvidence(option, lost), whereFrom(service, option.source)].flat(),
    fix: setOptionFix(service, option, name, lost.value),
  });
  return [finding];
}

function namesCas(value: string): boolean {
  return ["files", "default"].includes(readTrustList(value).is);
}

function lostEvidence({ name: of, section }: SettledOption, lost: SettledOption["overrides"][number]): Evidence {
  return { ...optionEvidence({ name: of, section, ...lost, overrides: [] }) };
}

function whereFrom({ environmentFrom }: KeylimeServiceFacts, source: OptionSource): Evidence[] {
  return source.kind === "environment" ? [{ text: `the variable was seen in ${environmentFrom}` }] : [];
}

function unseenFinding({ summary, says, seen, stopsAttestation, proof }: Contradiction): Finding {
  return {
    severity: stopsAttestation ? "error" : "warning",
    stopsAttestation,
    leg: "plugin->verifier",
    summary: `${summary}: another source is in force`,
    evidence: [says, seen, ...proof.because],
    fix: {
      action: "look, as the verifier's user, what sets the option, and set it there",
      commands: [lookIntoEnvironment, `grep -rn ${name} /etc/keylime /usr/etc/keylime`, ...restart.commands],
    },
  };
}

/** Every verifier that runs was started with another file than the one that was examined. */
function readsAnother(facts: Facts, service: KeylimeServiceFacts, told: readonly Contradiction[]): Finding[] {
  const running = facts.processes.known
    ? facts.processes.value.filter(({ service: of }) => of === "keylime_verifier")
    : [];
  const others = running.flatMap((process) => otherFileOf(process, service) ?? []);
  if (told.length > 0 || others.length === 0 || others.length < running.length) return [];
  return [
    {
      severity: "warning",
      stopsAttestation: false,
      summary: `no verifier that runs reads ${baseFile(service)}`,
      evidence: others,
      fix: { action: "examine and edit the file that the verifier reads", commands: [lookIntoEnvironment] },
    },
  ];
}

const lookIntoEnvironment =
  'sudo sh -c \'tr "\\0" "\\n" < /proc/$(pgrep -of keylime_verifier)/environ | grep ^KEYLIME_\'';

/** Which source has the last word where several speak, so that nobody edits one of the others. */
function whoSays({ tls }: KeylimeServiceFacts): string {
  const option = tls.trustedClientCa?.option;
  if (option === undefined || option.overrides.length === 0) return `one source alone sets ${name}, or none`;
  return `${sourceText(option.source)} has the last word on ${name}`;
}
