import { candidate, signatureHash } from "../../../x509/trust/candidate.js";
import { certificateBits, hashBits } from "../../../x509/trust/security-level.js";
import type { Refusal } from "../../legs/blame.js";
import type { LocatedCertificate } from "../../legs/leg.js";
import { x509Of } from "../../legs/located.js";
import { defineCheck } from "../check.js";
import { certificateEvidence, x509Command } from "./certificate-words.js";
import { judgeLegs, type Told } from "./leg-faults.js";

export const certWeak = defineCheck({
  id: "cert-weak",
  family: "certificates",
  title: "keys and signatures are as strong as the peers' security level asks",
  judge: (facts, context) => judgeLegs(facts, context, "cert-weak", tell),
});

/** Security level 2, which Python and the distributions ask for. */
const leastBits = 112;

function tell({ verdict, presenter }: Refusal): Told {
  const weak = verdict.certificate ?? presenter.presented!.sent[0]!;
  const { subject } = weak.certificate.facts;
  const found = weaknessOf(weak);
  return {
    because: `${found} of ${subject} is weaker than ${leastBits} bits of security`,
    evidence: [certificateEvidence(weak.certificate, weak.path, found)],
    fix: {
      action: `issue ${subject} anew with RSA 2048 or P-256 at least, signed with SHA-256 or better`,
      commands: [`${x509Command(weak.path, "-noout -text")} | grep -E 'Public-Key|Signature Algorithm'`],
    },
  };
}

function weaknessOf(one: LocatedCertificate): string {
  const facts = candidate(x509Of(one));
  const { keyType, keyBits } = one.certificate.facts;
  if (certificateBits(facts) < leastBits)
    return `the ${keyType?.toUpperCase() ?? "unknown"} key of ${keyBits ?? "?"} bits`;
  const hash = signatureHash(facts.signature);
  return hashBits(hash) < leastBits ? `the ${hash ?? "unknown"} signature` : "the key or signature";
}
