import type { SettledOption } from "../../../keylime/config/component-config.js";
import { hasSection } from "../../../keylime/config/settle-option.js";
import type { EndpointFacts, TlsConnectionFacts } from "../../facts/endpoints/endpoint-facts.js";
import type { Facts } from "../../facts/facts.js";
import type { KeylimeServiceFacts } from "../../facts/keylime/keylime-facts.js";
import type { Evidence, Finding, Fix, Outcome } from "../check.js";
import { anonymousConnection, connectionEvidence } from "../live/judge-endpoints.js";

/** Judges the verifier's configuration, when there is one that Keylime reads to its end. */
export function judgeVerifier(facts: Facts, judge: (service: KeylimeServiceFacts) => Outcome): Outcome {
  const { verifier } = facts.keylime;
  if (!verifier.known) {
    const isAbsent = /^there is no/.test(verifier.reason);
    return { is: isAbsent ? "skipped" : "unknown", reason: `${verifier.source}: ${verifier.reason}` };
  }
  for (const { path, content } of verifier.value.config.files) {
    if (content.is === "broken") return { is: "unknown", reason: `${path}:${content.line}: ${content.message}` };
    if (content.is === "unreadable") return { is: "unknown", reason: `${path}: ${content.reason}` };
  }
  return judge(verifier.value);
}

/** The same for checks of options, which need the section that Keylime reads. */
export function judgeVerifierOptions(facts: Facts, judge: (service: KeylimeServiceFacts) => Outcome): Outcome {
  return judgeVerifier(facts, (service) => {
    if (hasSection(service.config)) return judge(service);
    return { is: "unknown", reason: `${baseFile(service)} has no section [verifier], so Keylime reads no option` };
  });
}

/** The file that people mean by verifier.conf. */
export function baseFile({ config }: KeylimeServiceFacts): string {
  return (config.files.find(({ role }) => role !== "snippet") ?? config.files[0]!).path;
}

/** Where an option's last word stands, as evidence. */
export function optionEvidence({ name, value, source }: SettledOption): Evidence {
  const text = `${name} = ${value === "" ? "(nothing)" : value}`;
  if (source.kind === "environment") return { text: `${text}, set by the environment variable ${source.variable}` };
  return { text, file: source.file, line: source.line, column: source.column };
}

/** How the verifier's own answer speaks about client certificates. */
export interface LiveAnswer {
  endpoint: EndpointFacts;
  /** A connection on which a presented certificate was taken. */
  taken: TlsConnectionFacts | undefined;
  /** A connection on which a presented certificate was refused with an alert. */
  refused: TlsConnectionFacts | undefined;
  anonymous: TlsConnectionFacts | undefined;
}

/** What the first verifier that speaks TLS did; undefined when none was asked. */
export function liveVerifier({ endpoints }: Facts): LiveAnswer | undefined {
  if (!endpoints.known) return undefined;
  const endpoint = endpoints.value.find(
    ({ role, speaks }) => role === "verifier" && speaks.known && speaks.value === "tls",
  );
  if (endpoint === undefined) return undefined;
  const presented = endpoint.connections.filter((one) => one.presented !== undefined);
  return {
    endpoint,
    taken: presented.find(isTaken),
    refused: presented.find(({ probed }) => probed.outcome === "refused" && probed.alert !== null),
    anonymous: anonymousConnection(endpoint),
  };
}

/** 401 and 403 are what a client gets whose certificate a proxy took and kept. */
export function isTaken({ probed: { outcome, client_certificates: sent, http } }: TlsConnectionFacts): boolean {
  return outcome === "accepted" && sent.length > 0 && http?.status !== 401 && http?.status !== 403;
}

/** What was seen with a certificate, and without. */
export function liveEvidence(live: LiveAnswer | undefined): Evidence[] {
  if (live === undefined) return [];
  return [live.taken ?? live.refused, live.anonymous].flatMap((connection) =>
    connection === undefined ? [] : [connectionEvidence(live.endpoint, connection)],
  );
}

export const restart = {
  text: "restart the verifier with its workers",
  commands: ["systemctl restart keylime_verifier"],
} as const;

/** A fix that sets one option where its last word stands, else in the base file. */
export function setOptionFix(
  service: KeylimeServiceFacts,
  option: SettledOption | undefined,
  name: string,
  value: string,
): Fix {
  if (option?.source.kind === "environment") {
    return {
      action: `set ${option.source.variable} to ${value}, or unset it, and ${restart.text}`,
      commands: restart.commands,
    };
  }
  const file = option?.source.kind === "file" ? option.source.file : baseFile(service);
  return {
    action: `set ${name} = ${value} in ${file}, then ${restart.text}`,
    commands: restart.commands,
    edits: [{ kind: "ini", file, section: option?.section ?? "verifier", option: name, set: value }],
  };
}

export function errorThatStops(finding: Pick<Finding, "summary" | "evidence" | "fix">): Finding {
  return { severity: "error", stopsAttestation: true, leg: "plugin->verifier", ...finding };
}
