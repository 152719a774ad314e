import { candidate } from "../../../x509/trust/candidate.js";
import type { Refusal } from "../../legs/blame.js";
import { x509Of } from "../../legs/located.js";
import { defineCheck } from "../check.js";
import { certificateEvidence } from "./certificate-words.js";
import { judgeLegs, type Told } from "./leg-faults.js";

export const caNotACa = defineCheck({
  id: "ca-not-a-ca",
  family: "certificates",
  title: "what signs certificates is a CA, within its path length",
  judge: (facts, context) => judgeLegs(facts, context, "ca-not-a-ca", tell),
});

function tell({ verdict, presenter }: Refusal): Told {
  const [, issuer] = presenter.presented!.sent;
  const guilty = verdict.depth > 0 ? (verdict.certificate ?? issuer) : (issuer ?? verdict.certificate);
  const { subject } = guilty!.certificate.facts;
  const isLength = ["PATH_LENGTH_EXCEEDED", "TooManyIntermediates"].includes(verdict.error.name);
  const why = isLength
    ? "more CAs stand below it than its path length allows"
    : candidate(x509Of(guilty!)).basicConstraints?.ca
      ? "its key usage lacks keyCertSign"
      : "it lacks CA:TRUE";
  return {
    because: `${subject} may not sign what it signed: ${why}`,
    evidence: [certificateEvidence(guilty!.certificate, guilty!.path, why)],
    fix: {
      action: `issue ${subject} anew with CA:TRUE, keyCertSign and a sufficient path length, and put it where it is used`,
      commands: [`openssl x509 -in ${guilty!.path} -noout -ext basicConstraints,keyUsage`],
    },
  };
}
