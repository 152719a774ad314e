import type { TlsTrust } from "../../../keylime/config/tls-settings.js";
import { readTrustList } from "../../../keylime/config/trust-list.js";
import type { KeylimeServiceFacts } from "../../facts/keylime/keylime-facts.js";
import { defineCheck, type Finding, foundOrClear } from "../check.js";
import { errorThatStops, judgeVerifierOptions, optionEvidence, setOptionFix } from "./verifier-conf.js";

export const verifierTrustListSyntax = defineCheck({
  id: "verifier-trust-list-syntax",
  family: "verifier",
  title: "the verifier's lists of CAs are lists as Keylime parses them",
  judge: (facts) =>
    judgeVerifierOptions(facts, (service) => {
      const { trustedClientCa, trustedServerCa } = service.tls;
      const findings = [
        ...judgeList(service, "trusted_client_ca", trustedClientCa!, "the verifier does not start"),
        ...judgeList(service, "trusted_server_ca", trustedServerCa!, "the verifier reaches no agent over mutual TLS"),
      ];
      return foundOrClear(findings, "trusted_client_ca and trusted_server_ca are parsed");
    }),
});

function judgeList(service: KeylimeServiceFacts, name: string, { option, list }: TlsTrust, effect: string): Finding[] {
  if (list.is !== "invalid" || option === undefined) return [];
  const finding = errorThatStops({
    summary: `${name} = ${option.value} is no list that Keylime parses, so ${effect}`,
    evidence: [optionEvidence(option), { text: list.reason }],
    fix: setOptionFix(service, option, name, mended(option.value)),
  });
  return [finding];
}

/** The names that the value evidently means, in the form that Keylime takes. */
function mended(value: string): string {
  const names = value
    .replace(/\s#.*$/, "")
    .split(/[,\s]+/)
    .map((part) => part.replaceAll(/^[[({"'\u2018-\u201f]+|[\])}"'\u2018-\u201f]+$/g, ""))
    .filter((part) => part !== "");
  const list = `[${names.map((name) => JSON.stringify(name)).join(", ")}]`;
  return readTrustList(list).is === "files" ? list : '["ca.crt"]';
}
