import { hasSection, settleOption } from "../../../keylime/config/settle-option.js";
import type { Facts } from "../../facts/facts.js";
import type { KeylimeServiceFacts } from "../../facts/keylime/keylime-facts.js";
import { defineCheck, type Edit, type Evidence, type Finding, type Outcome } from "../check.js";
import { errorThatStops, judgeVerifier, liveEvidence, liveVerifier, restart } from "./verifier-conf.js";

/** Options that only stand in [verifier]: what tells that a section was meant to be it. */
const options = [
  "tls_dir",
  "server_cert",
  "server_key",
  "client_cert",
  "client_key",
  "trusted_client_ca",
  "trusted_server_ca",
  "enable_agent_mtls",
  "ip",
  "port",
  "registrar_ip",
  "registrar_port",
  "uuid",
  "mode",
  "database_url",
  "quote_interval",
];

export const verifierWrongSection = defineCheck({
  id: "verifier-wrong-section",
  family: "verifier",
  title: "the verifier's options stand in the section that Keylime reads",
  judge: (facts) => judgeVerifier(facts, (service) => judge(facts, service)),
});

/** A section that Keylime never looks at, with options that are meant for [verifier]. */
interface Stray {
  file: string;
  section: string;
  line: number;
  options: readonly { name: string; line: number; column: number }[];
}

function judge(facts: Facts, service: KeylimeServiceFacts): Outcome {
  const strays = straysOf(service);
  const [first] = strays;
  if (first === undefined) {
    if (hasSection(service.config))
      return { is: "clear", because: "[verifier] is there, and no option of it elsewhere" };
    return { is: "unknown", reason: "no section [verifier], and no other one with its options" };
  }
  const finding = hasSection(service.config) ? idle(strays) : missing(facts, first, strays);
  return { is: "found", findings: [finding] };
}

/** Without [verifier] Keylime stops at its start with NoSectionError; one that runs has read something else. */
function missing(facts: Facts, stray: Stray, strays: readonly Stray[]): Finding {
  const live = liveVerifier(facts);
  const finding = errorThatStops({
    summary: `section [${stray.section}] should be [verifier]: Keylime reads no other, and does not start without it`,
    evidence: [...strays.flatMap(evidenceOf), ...liveEvidence(live)],
    fix: {
      action: `rename [${stray.section}] to [verifier] in ${stray.file}, then ${restart.text}`,
      commands: restart.commands,
      edits: [renameEdit(stray)],
    },
  });
  if (live === undefined) return finding;
  return {
    ...finding,
    severity: "warning",
    stopsAttestation: false,
    summary: `section [${stray.section}] should be [verifier]: Keylime does not start with this file, yet a verifier answers, so it has read another or this one as it was before`,
  };
}

function idle(strays: readonly Stray[]): Finding {
  const names = strays.flatMap(({ section, options: own }) => own.map(({ name }) => `${name} in [${section}]`));
  return {
    severity: "warning",
    stopsAttestation: false,
    summary: `${names.join(", ")}: Keylime reads the verifier's options in [verifier] alone, so this has no effect`,
    evidence: strays.flatMap(evidenceOf),
    fix: { action: `move ${names.join(", ")} to [verifier], then ${restart.text}`, commands: restart.commands },
  };
}

function straysOf({ config }: KeylimeServiceFacts): Stray[] {
  const read = hasSection(config);
  return config.files.flatMap(({ path, content }) => {
    if (content.is !== "read") return [];
    return content.sections
      .filter(({ name }) => !["verifier", "revocations", "DEFAULT"].includes(name))
      .map(({ name, line, options: own }) => ({
        file: path,
        section: name,
        line,
        options: own.filter((option) => options.includes(option.name) && !(read && isSet(config, option.name))),
      }))
      .filter((stray) => stray.options.length > 0);
  });
}

function isSet(config: KeylimeServiceFacts["config"], name: string): boolean {
  return settleOption(config, name) !== undefined;
}

function evidenceOf({ file, section, line, options: own }: Stray): Evidence[] {
  return [{ text: `[${section}] holds ${own.map(({ name }) => name).join(", ")}`, file, line, column: 1 }];
}

function renameEdit({ file, section }: Stray): Edit {
  return { kind: "ini", file, renameSection: section, to: "verifier" };
}
