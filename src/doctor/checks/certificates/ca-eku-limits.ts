import { allowsUsage, type Refusal } from "../../legs/blame.js";
import { defineCheck } from "../check.js";
import { certificateEvidence, x509Command } from "./certificate-words.js";
import { judgeLegs, type Told } from "./leg-faults.js";

export const caEkuLimits = defineCheck({
  id: "ca-eku-limits",
  family: "certificates",
  title: "no CA's own extended key usage excludes what is below it",
  judge: (facts, context) => judgeLegs(facts, context, "ca-eku-limits", tell),
});

function tell({ leg, presenter, judge, verdict }: Refusal): Told {
  const wanted = presenter === leg.client ? "clientAuth" : "serverAuth";
  const known = [...presenter.presented!.sent.slice(1), ...(judge.trust?.certificates ?? [])];
  const limited =
    (verdict.depth > 0 ? verdict.certificate : undefined) ?? known.find((one) => !allowsUsage(one, wanted));
  const { subject, eku = [] } = limited!.certificate.facts;
  const found = `its extended key usage is ${eku.join(", ")}, without ${wanted}`;
  return {
    because: `${subject} above it is limited: ${found}`,
    evidence: [certificateEvidence(limited!.certificate, limited!.path, found)],
    fix: {
      action: `issue ${subject} anew without extended key usage, or with ${wanted} in it, and put it where it is used`,
      commands: [x509Command(limited!.path, "-noout -ext extendedKeyUsage")],
    },
  };
}
