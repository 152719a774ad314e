import type { Fact } from "../../facts/fact.js";
import type { ConfFlaw, SpireConfFacts } from "../../facts/spire/spire-facts.js";
import { defineCheck, type Finding, foundOrClear } from "../check.js";

export const spireConfSyntax = defineCheck({
  id: "spire-conf-syntax",
  family: "spire",
  title: "SPIRE's configuration files parse",
  judge({ spireServer, spireAgent }) {
    const confs = [spireServer, spireAgent].filter((conf) => conf.known);
    if (confs.length === 0) return { is: "skipped", reason: "neither server.conf nor agent.conf was read" };
    const findings = confs.flatMap(judgeConf);
    return foundOrClear(findings, confs.map(({ value }) => value.file).join(", "));
  },
});

function judgeConf({ value: conf }: Fact<SpireConfFacts> & { known: true }): Finding[] {
  const flaws = conf.is === "broken" ? [conf.flaw] : conf.flaws.filter(({ code }) => code === "spire-conf-syntax");
  const wrongHalf =
    conf.is === "parsed" && conf.configures !== conf.half
      ? [{ code: "", message: `it has no ${conf.half} block, so SPIRE's ${conf.half} does not start with it` }]
      : [];
  return [...flaws, ...wrongHalf].map((flaw) => findingOf(flaw, conf));
}

function findingOf({ message, hint, at }: ConfFlaw, { half, file }: SpireConfFacts): Finding {
  return {
    severity: "error",
    stopsAttestation: true,
    summary: `SPIRE's ${half} cannot read ${file}: ${message}`,
    evidence: [{ text: message, file, ...(at === undefined ? {} : { line: at.line, column: at.column }) }],
    fix: { action: hint ?? `correct ${at === undefined ? file : `line ${at.line} of ${file}`}` },
  };
}
