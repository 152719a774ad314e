import { commentedOption } from "../../../keylime/config/settle-option.js";
import { readTrustList } from "../../../keylime/config/trust-list.js";
import type { Facts } from "../../facts/facts.js";
import type { KeylimeServiceFacts } from "../../facts/keylime/keylime-facts.js";
import { defineCheck, type Outcome } from "../check.js";
import { unseenRefusal } from "../live/unseen-refusal.js";
import { emptinessOf } from "./trust-emptiness.js";
import { errorThatStops, judgeVerifierOptions, liveEvidence, liveVerifier, setOptionFix } from "./verifier-conf.js";

const name = "trusted_client_ca";

export const verifierTrustEmpty = defineCheck({
  id: "verifier-trust-empty",
  family: "verifier",
  title: "the verifier trusts a CA for client certificates",
  judge: (facts, { nowMs }) => {
    const unseen = unseenRefusal(facts, nowMs);
    if (unseen?.id === "verifier-trust-empty") return { is: "found", findings: [unseen.finding] };
    return judgeVerifierOptions(facts, (service) => judge(facts, service));
  },
});

function judge(facts: Facts, service: KeylimeServiceFacts): Outcome {
  const { option, list, files } = service.tls.trustedClientCa!;
  if (list.is === "invalid") return { is: "skipped", reason: `${name} is no list that Keylime takes` };
  if (list.is === "files" || list.is === "default")
    return { is: "clear", because: `${name} names ${files.join(", ")}` };
  const proof = emptinessOf(facts, service);
  if (proof === undefined) {
    return {
      is: "unknown",
      reason: `no file of the copy sets ${name}, and it may hold a part of the configuration alone`,
    };
  }
  const live = liveVerifier(facts);
  if (live?.taken !== undefined) {
    const [seen] = liveEvidence(live);
    return {
      is: "unknown",
      reason: `${proof.place} says that every certificate is refused, yet ${seen!.text}: another configuration is in force`,
    };
  }
  const value = wantedValue(service);
  const finding = errorThatStops({
    summary: `${proof.summary}, so the verifier refuses every client certificate with alert 48 unknown_ca`,
    evidence: [
      proof.evidence,
      {
        text: "Keylime 7.14 asks every client for a certificate and then has no CA to judge it by; one that presents none still connects",
      },
      ...liveEvidence(live),
    ],
    fix: setOptionFix(service, option, name, value),
  });
  return { is: "found", findings: [finding] };
}

/** What is commented out when Keylime could read it; else the CA that the verifier trusts in servers. */
function wantedValue(service: KeylimeServiceFacts): string {
  const candidates = [commentedOption(service.config, name)?.value, service.tls.trustedServerCa?.option?.value].map(
    (value) => value?.replace(/\s+#.*$/, ""),
  );
  const usable = candidates.find(
    (value) => value !== undefined && ["files", "default"].includes(readTrustList(value).is),
  );
  return usable ?? '["ca.crt"]';
}
