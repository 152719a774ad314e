import { durationText } from "../../../core/duration.js";
import { isoTime } from "../../../core/iso-time.js";
import { defineCheck, type Finding, foundOrClear } from "../check.js";
import { validityText } from "./dates.js";
import {
  nothingPresented,
  type PresentedCertificate,
  presentedCertificates,
  presentedProof,
} from "./presented-files.js";

export const certExpiresSoon = defineCheck({
  id: "cert-expires-soon",
  family: "certificates",
  title: "every presented certificate has a third of its lifetime left",
  judge(facts, { nowMs }) {
    const nothing = nothingPresented(facts);
    if (nothing !== undefined) return nothing;
    const presented = presentedCertificates(facts);
    const findings = presented.filter((each) => endsSoon(each, nowMs)).map((each) => findingOf(each, nowMs));
    const first = Math.min(...presented.map(({ certificate }) => certificate.facts.notAfterMs));
    return foundOrClear(findings, `the first to expire does so at ${isoTime(first)}`);
  },
});

/** By share of the lifetime, so that certificates of a day are judged as fairly as those of ten years; roots apart. */
function endsSoon({ certificate: { facts } }: PresentedCertificate, nowMs: number): boolean {
  const { notBeforeMs, notAfterMs, isSelfIssued, isCa } = facts;
  if ((isSelfIssued && isCa) || nowMs > notAfterMs || nowMs < notBeforeMs) return false;
  return notAfterMs - nowMs < (notAfterMs - notBeforeMs) / 3;
}

function findingOf(presented: PresentedCertificate, nowMs: number): Finding {
  const { certificate, file } = presented;
  const { subject, notAfterMs } = certificate.facts;
  const left = durationText(notAfterMs - nowMs);
  return {
    severity: "warning",
    stopsAttestation: false,
    summary: `the certificate ${subject} in ${file.path} expires at ${isoTime(notAfterMs)}, in ${left}: less than a third of its lifetime is left`,
    evidence: presentedProof(presented, validityText(certificate)),
    fix: {
      action: `renew ${subject} in ${file.path}`,
      commands: [`openssl x509 -in ${file.path} -noout -subject -dates`],
    },
  };
}
