import type { Refusal } from "../../legs/blame.js";
import { defineCheck } from "../check.js";
import { judgeLegs, type Told } from "./leg-faults.js";

export const caBundleIncomplete = defineCheck({
  id: "ca-bundle-incomplete",
  family: "certificates",
  title: "each trust file ends in a root",
  judge: (facts, context) => judgeLegs(facts, context, "ca-bundle-incomplete", tell),
});

function tell({ judge, verdict }: Refusal): Told {
  const { subject, issuer, sha256 } = verdict.certificate!.certificate.facts;
  // The same certificate may have been sent as well: it is the copy in the trust file that lacks its root.
  const trusted = judge.trust!.certificates.find(({ certificate }) => certificate.facts.sha256 === sha256);
  const { path } = trusted ?? judge.trust!.certificates[0]!;
  return {
    because: `${path} holds ${subject} and not the root ${issuer} above it`,
    evidence: [{ text: "OpenSSL, Python and Node want a self-signed root; Go takes any certificate of the file" }],
    fix: { action: `append the root ${issuer} to ${path}`, commands: [`openssl x509 -in root.crt >> ${path}`] },
  };
}
