import { listed } from "../../../core/listed.js";
import type { Refusal } from "../../legs/blame.js";
import type { LocatedCertificate } from "../../legs/leg.js";
import { defineCheck, type Evidence } from "../check.js";
import { certificateEvidence, isEndpoint } from "./certificate-words.js";
import { judgeLegs, type Told } from "./leg-faults.js";

export const caWrong = defineCheck({
  id: "ca-wrong",
  family: "certificates",
  title: "each trust file signed the certificates it has to judge",
  judge: (facts, context) => judgeLegs(facts, context, "ca-wrong", tell),
});

function tell({ judge, presenter }: Refusal): Told {
  const sent = presenter.presented!.sent;
  const top = sent.at(-1)!;
  const wanted = top.certificate.facts.issuer;
  const files = listed(judge.trust!.parts.map(({ file }) => file.path));
  const namesake = judge.trust!.certificates.find(({ certificate }) =>
    sent.some((one) => one.certificate.facts.issuer === certificate.facts.subject),
  );
  const because =
    namesake === undefined
      ? `it was issued below ${wanted}, and ${files} does not hold that CA`
      : `a CA named ${namesake.certificate.facts.subject} is in ${files}, with another key than the one that signed`;
  return {
    because,
    evidence: namesake === undefined ? [] : namesakeEvidence(namesake),
    fix: {
      action:
        namesake === undefined
          ? `put the root that ${wanted} leads to into ${files}`
          : `replace ${namesake.certificate.facts.subject} in ${files} by the CA certificate that is in use now`,
      commands: [verifyCommand(judge.trust!.parts[0]!.file.path, sent[0]!.path)],
    },
  };
}

const verifyCommand = (trust: string, path: string): string =>
  isEndpoint(path)
    ? `openssl s_client -connect ${path} -CAfile ${trust} </dev/null 2>/dev/null | grep Verif`
    : `openssl verify -CAfile ${trust} ${path}`;

function namesakeEvidence({ certificate, path }: LocatedCertificate): Evidence[] {
  const what = `same name, other key: its public key has SHA-256 ${certificate.publicKeySha256}`;
  return [certificateEvidence(certificate, path, what)];
}
