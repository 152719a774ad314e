import { candidate } from "../../../x509/trust/candidate.js";
import { stacks } from "../../../x509/trust/stacks.js";
import type { Refusal } from "../../legs/blame.js";
import type { LocatedCertificate } from "../../legs/leg.js";
import { x509Of } from "../../legs/located.js";
import { defineCheck } from "../check.js";
import { certificateEvidence, x509Command } from "./certificate-words.js";
import { judgeLegs, type Told } from "./leg-faults.js";
import { tellNames } from "./name-limits.js";

export const caNotACa = defineCheck({
  id: "ca-not-a-ca",
  family: "certificates",
  title: "what signs certificates is a CA, within its path length and its name constraints",
  judge: (facts, context) => judgeLegs(facts, context, "ca-not-a-ca", tell),
});

function tell(refusal: Refusal): Told {
  return tellNames(refusal) ?? tellRights(refusal);
}

function tellRights(refusal: Refusal): Told {
  const { verdict, presenter } = refusal;
  const [, issuer] = presenter.presented!.sent;
  const guilty = (verdict.depth > 0 ? (verdict.certificate ?? issuer) : (issuer ?? verdict.certificate))!;
  const { subject } = guilty.certificate.facts;
  const why = whyNot(refusal, guilty);
  return {
    because: `${subject} may not sign what it signed: ${why}`,
    evidence: [certificateEvidence(guilty.certificate, guilty.path, why)],
    fix: {
      action: `issue ${subject} anew with ${wanted(refusal)}, and put it where it is used`,
      commands: [x509Command(guilty.path, "-noout -ext basicConstraints,keyUsage")],
    },
  };
}

/** What RFC 5280 asks of a CA, and Python from 3.13 on as well. */
const strict: Partial<Record<string, string>> = {
  CA_BCONS_NOT_CRITICAL: "its basic constraints are not critical",
  CA_CERT_MISSING_KEY_USAGE: "it has no key usage",
  MISSING_AUTHORITY_KEY_IDENTIFIER: "it has no authority key identifier",
  MISSING_SUBJECT_KEY_IDENTIFIER: "it has no subject key identifier",
};

function whyNot({ verdict, judge }: Refusal, guilty: LocatedCertificate): string {
  const { name } = verdict.error;
  if (name in strict) return `${strict[name]}, which ${stacks[judge.stack].name} asks of a CA`;
  if (name === "PATH_LENGTH_EXCEEDED" || name === "TooManyIntermediates")
    return "more CAs stand below it than its path length allows";
  return candidate(x509Of(guilty)).basicConstraints?.ca ? "its key usage lacks keyCertSign" : "it lacks CA:TRUE";
}

const wanted = ({ verdict: { error } }: Refusal): string =>
  error.name in strict
    ? "critical basic constraints, keyCertSign and both key identifiers"
    : "CA:TRUE, keyCertSign and a sufficient path length";
