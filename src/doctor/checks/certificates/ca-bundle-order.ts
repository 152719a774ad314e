import type { Refusal } from "../../legs/blame.js";
import { defineCheck } from "../check.js";
import { readerName } from "../files/file-words.js";
import { judgeLegs, type Told } from "./leg-faults.js";

export const caBundleOrder = defineCheck({
  id: "ca-bundle-order",
  family: "certificates",
  title: "the root comes first where only the first certificate of a trust file is read",
  judge: (facts, context) => judgeLegs(facts, context, "ca-bundle-order", tell),
});

function tell({ judge }: Refusal): Told {
  const [first, ...rest] = judge.trust!.certificates;
  const root = rest.find(({ certificate }) => certificate.facts.isSelfIssued);
  const name = root?.certificate.facts.subject ?? "the root";
  return {
    because: `${readerName(judge.reader)} reads the first certificate of ${first!.path} alone, ${first!.certificate.facts.subject}`,
    fix: { action: `put ${name} first in ${first!.path}` },
  };
}
