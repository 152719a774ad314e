import { listed } from "../../../core/listed.js";
import type { Refusal } from "../../legs/blame.js";
import { defineCheck, type Fix } from "../check.js";
import { judgeLegs, type Told } from "./leg-faults.js";

export const certChainIncomplete = defineCheck({
  id: "cert-chain-incomplete",
  family: "certificates",
  title: "each certificate file holds the intermediates that its peer does not know",
  judge: (facts, context) => judgeLegs(facts, context, "cert-chain-incomplete", tell),
});

function tell({ presenter, judge }: Refusal): Told {
  const { sent, own } = presenter.presented!;
  const top = sent.at(-1)!.certificate.facts;
  const files = listed(judge.trust!.parts.map(({ file }) => file.path));
  const file = own?.file.path ?? presenter.presented!.seenAt!;
  const fix: Fix = {
    action: `append the intermediate ${top.issuer} to ${own?.file.path ?? "the certificate file"}`,
    commands: own === undefined ? [] : [`openssl x509 -in intermediate.crt >> ${file}`],
  };
  return { because: `what is sent ends with ${top.subject}, and ${files} does not hold its issuer ${top.issuer}`, fix };
}
