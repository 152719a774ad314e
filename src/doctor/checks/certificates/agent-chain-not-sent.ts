import type { Refusal } from "../../legs/blame.js";
import { defineCheck } from "../check.js";
import { judgeLegs, type Told } from "./leg-faults.js";

export const agentChainNotSent = defineCheck({
  id: "agent-chain-not-sent",
  family: "certificates",
  title: "who connects to the Keylime agent knows the CA above its leaf",
  judge: (facts, context) => judgeLegs(facts, context, "agent-chain-not-sent", tell),
});

function tell({ presenter, judge }: Refusal): Told {
  const { subject, issuer } = presenter.presented!.sent[0]!.certificate.facts;
  const file = judge.trust!.parts[0]!.file.path;
  return {
    because: `the Keylime agent sends the first certificate of its file alone, ${subject}, and ${file} does not hold its issuer ${issuer}`,
    fix: {
      action: `add the intermediate ${issuer} to ${file}`,
      commands: [`openssl x509 -in intermediate.crt >> ${file}`],
    },
  };
}
