import type { FaultId } from "../../../faults/faults.js";
import type { Facts } from "../../facts/facts.js";
import { allowsUsage, type Refusal } from "../../legs/blame.js";
import type { Finding, JudgeContext, Outcome } from "../check.js";
import { serviceName, stopsAttestation } from "../files/file-words.js";
import { x509Command } from "./certificate-words.js";
import { judgeLegs, type Told } from "./leg-faults.js";
import {
  nothingPresented,
  type PresentedCertificate,
  presentedCertificates,
  presentedProof,
} from "./presented-files.js";

export interface UsageQuestion {
  id: FaultId;
  end: "client" | "server";
  usage: "clientAuth" | "serverAuth";
}

/** Leaves whose extended key usage lacks what their end needs; and those that a peer refuses for their key usage. */
export function judgeUsage(facts: Facts, context: JudgeContext, question: UsageQuestion): Outcome {
  const lacking = presentedCertificates(facts).flatMap((each) => {
    const uses = each.uses.filter(({ end }) => end === question.end);
    const isLeaf = each.certificate.position === 1;
    const isFine = allowsUsage({ certificate: each.certificate, path: each.file.path }, question.usage);
    return uses.length === 0 || !isLeaf || isFine ? [] : [{ ...each, uses }];
  });
  const outcome = judgeLegs(
    facts,
    context,
    question.id,
    (refusal) => tell(refusal, question),
    lacking.map((each) => findingOf(each, question)),
  );
  if (outcome.is !== "found") return nothingPresented(facts) ?? outcome;
  const told = new Set(lacking.map(({ certificate }) => certificate.facts.sha256));
  const [first, ...rest] = outcome.findings.filter(
    ({ leg, evidence }) =>
      leg === undefined || !evidence.some(({ certificate }) => told.has(certificate?.sha256 ?? "")),
  );
  return { is: "found", findings: [first!, ...rest] };
}

function findingOf(presented: PresentedCertificate, { usage, end }: UsageQuestion): Finding {
  const { certificate, file, uses } = presented;
  const { subject, eku = [] } = certificate.facts;
  const stops = uses.some(stopsAttestation);
  const found = `extended key usage ${eku.join(", ")}`;
  return {
    severity: stops ? "error" : "warning",
    stopsAttestation: stops,
    summary: `the ${end} certificate ${subject} in ${file.path} lacks ${usage}: ${found}`,
    evidence: presentedProof(presented, `${found}; ${usage} is needed`),
    fix: {
      action: `issue ${subject} with the extended key usage ${usage}, then restart ${serviceName(uses[0]!.reader)}`,
      commands: [`openssl x509 -in ${file.path} -noout -ext extendedKeyUsage`],
    },
  };
}

function tell({ presenter }: Refusal, { usage }: UsageQuestion): Told {
  const { certificate, path } = presenter.presented!.sent[0]!;
  return {
    because: `its key usage does not allow ${usage}`,
    fix: {
      action: `issue ${certificate.facts.subject} with the key usage digitalSignature and the extended key usage ${usage}`,
      commands: [x509Command(path, "-noout -ext keyUsage,extendedKeyUsage")],
    },
  };
}
