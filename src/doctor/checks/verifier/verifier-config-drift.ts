import { defineCheck, type Finding, foundOrClear, notLearnt } from "../check.js";
import { type Contradiction, contradictionsOf } from "./contradictions.js";
import { liveVerifier, restart } from "./verifier-conf.js";

export const verifierConfigDrift = defineCheck({
  id: "verifier-config-drift",
  family: "verifier",
  title: "the verifier that runs has read its files as they are now",
  judge: (facts, { nowMs }) => {
    if (!facts.keylime.verifier.known) return { is: "skipped", reason: "no configuration of the verifier was read" };
    if (liveVerifier(facts) === undefined) return notLearnt(facts, "no verifier answered that could be compared");
    const contradictions = contradictionsOf(facts, nowMs);
    const drifts = contradictions.filter(isDrift);
    const [open] = contradictions;
    if (drifts.length === 0 && open !== undefined) {
      return { is: "unknown", reason: [open.summary, ...open.proof.because.map(({ text }) => text)].join("; ") };
    }
    return foundOrClear(drifts.map(findingOf), "what it does is what its files say");
  },
});

/** What is refused against the file wants a cause: where nothing is proven, the restart is the first thing to try. */
function isDrift({ proof, stopsAttestation }: Contradiction): boolean {
  return proof.is === "verifier-config-drift" || (proof.is === "unknown" && stopsAttestation);
}

function findingOf({ summary, says, seen, stopsAttestation, proof }: Contradiction): Finding {
  const isProven = proof.is === "verifier-config-drift";
  return {
    severity: stopsAttestation ? "error" : "warning",
    stopsAttestation,
    ...(isProven ? {} : { isDoubtful: true }),
    leg: "plugin->verifier",
    summary: isProven
      ? `${summary}: it was changed after the verifier had started`
      : `${summary}: it was perhaps changed after the verifier had started`,
    evidence: [says, seen, ...proof.because],
    fix: { action: stopsAttestation ? restart.text : restartWithCare, commands: restart.commands },
  };
}

/** The next restart brings the file into force, which may be worse than what runs. */
const restartWithCare = `correct the file, for it counts from the next start on, then ${restart.text}`;
