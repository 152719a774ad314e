import { listed } from "../../../core/listed.js";
import type { Facts } from "../../facts/facts.js";
import type { KeylimeServiceFacts } from "../../facts/keylime/keylime-facts.js";
import { certificateEvidence } from "../certificates/certificate-words.js";
import { defineCheck, type Evidence, type Fix, type Outcome } from "../check.js";
import { readerName } from "../files/file-words.js";
import { connectionEvidence } from "../live/judge-endpoints.js";
import { type Stranger, strangersOf } from "./strangers.js";
import { judgeVerifierOptions, type LiveAnswer, liveVerifier, optionEvidence, restart } from "./verifier-conf.js";

const name = "trusted_client_ca";

/** More roots than the old and the new one of a few CAs: a bundle for browsers. */
const mostRoots = 5;

export const verifierTrustTooWide = defineCheck({
  id: "verifier-trust-too-wide",
  family: "verifier",
  title: "trusted_client_ca vouches for nobody but Keylime's own clients",
  judge: (facts, { nowMs }) => judgeVerifierOptions(facts, (service) => judge(facts, service, nowMs)),
});

function judge(facts: Facts, service: KeylimeServiceFacts, nowMs: number): Outcome {
  const { option, files } = service.tls.trustedClientCa!;
  if (files.length === 0) return { is: "skipped", reason: `${name} names no file` };
  const named = listed(files);
  if (service.trusted.length === 0) return { is: "unknown", reason: `no certificate could be read from ${named}` };
  const roots = rootsOf(service);
  const strangers = strangersOf(facts, service, nowMs);
  if (strangers.length === 0 && roots.length <= mostRoots) {
    return { is: "clear", because: `no other certificate at hand was issued below ${rootNames(roots)}` };
  }
  const whom =
    strangers.length === 0
      ? `${roots.length} roots, and with them for every client certificate that any of them issues`
      : `${strangers.length === 1 ? "a certificate" : `${strangers.length} certificates`} of others: ${namesOf(strangers)}`;
  const where = option === undefined ? [] : [optionEvidence(option)];
  return {
    is: "found",
    findings: [
      {
        severity: "warning",
        stopsAttestation: false,
        leg: "plugin->verifier",
        summary: `${name} names ${named}, which vouches for ${whom}; whoever has such a key is a Keylime admin`,
        evidence: [
          ...where,
          ...rootEvidence(roots),
          ...strangers.flatMap((stranger) => strangerEvidence(stranger, liveVerifier(facts))),
          {
            text: "Keylime 7.14 takes every client certificate below a CA of this list for an admin's: it may delete nodes and change policies",
          },
        ],
        fix: fixOf(named),
      },
    ],
  };
}

function fixOf(named: string): Fix {
  return {
    action: `let a CA of its own issue to Keylime's clients (verifier, tenant, SPIRE's server), put its root alone into ${named}, then ${restart.text}`,
    commands: restart.commands,
  };
}

type Trusted = KeylimeServiceFacts["trusted"][number];

function rootsOf({ trusted }: KeylimeServiceFacts): Trusted[] {
  return trusted.filter(({ certificate }) => certificate.facts.isSelfIssued);
}

function rootNames(roots: readonly Trusted[]): string {
  return roots.map(({ certificate }) => certificate.facts.subject).join("; ") || "what it trusts";
}

function rootEvidence(roots: readonly Trusted[]): Evidence[] {
  const shown = roots.slice(0, 3).map(({ file, certificate }) => certificateEvidence(certificate, file, "trusted"));
  return roots.length > 3 ? [...shown, { text: `and ${roots.length - 3} more roots` }] : shown;
}

const mostNamed = 3;

function namesOf(strangers: readonly Stranger[]): string {
  const subjects = strangers.slice(0, mostNamed).map(({ certificate }) => certificate.facts.subject);
  const more = strangers.length > mostNamed ? ` and ${strangers.length - mostNamed} more` : "";
  return `${subjects.join("; ")}${more}`;
}

function strangerEvidence({ certificate, path, use }: Stranger, live: LiveAnswer | undefined): Evidence[] {
  const what = certificate.facts.isCa ? "a CA, so all that it issues" : "accepted as a client's";
  const whose = use === undefined ? what : `${what}; ${use.key} of ${readerName(use.reader)}`;
  const tried = live?.endpoint.connections.find(
    ({ presented, probed }) => presented?.name === path && probed.outcome === "accepted",
  );
  return [
    certificateEvidence(certificate, path, whose),
    ...(tried === undefined ? [] : [connectionEvidence(live!.endpoint, tried)]),
  ];
}
