import { commentedOption } from "../../../keylime/config/settle-option.js";
import type { Facts } from "../../facts/facts.js";
import type { KeylimeServiceFacts } from "../../facts/keylime/keylime-facts.js";
import { trustsNobody } from "../../legs/trusts-nobody.js";
import type { Evidence } from "../check.js";
import { baseFile, optionEvidence } from "./verifier-conf.js";

const name = "trusted_client_ca";

/** How the verifier's configuration comes to name no CA for client certificates. */
export interface Emptiness {
  /** `trusted_client_ca is commented out`. */
  summary: string;
  /** `file:line`, the file or the variable. */
  place: string;
  evidence: Evidence;
}

/** Undefined when CAs are named, when the value is no list, and when a copy's missing line proves nothing. */
export function emptinessOf({ scope }: Pick<Facts, "scope">, service: KeylimeServiceFacts): Emptiness | undefined {
  if (!trustsNobody({ scope }, service)) return undefined;
  const { option, list } = service.tls.trustedClientCa!;
  if (option !== undefined) {
    const summary = list.is === "all" ? `${name} = all trusts no CA` : `${name} is empty`;
    return emptiness(summary, optionEvidence(option));
  }
  const comment = commentedOption(service.config, name);
  if (comment !== undefined) {
    const { file, line, column, value } = comment;
    return emptiness(`${name} is commented out`, { text: `#${name} = ${value}`, file, line, column });
  }
  return emptiness(`${name} is not set`, { text: `no line sets ${name}`, file: baseFile(service) });
}

function emptiness(summary: string, evidence: Evidence): Emptiness {
  const { file, line, text } = evidence;
  const place = file === undefined ? text : line === undefined ? file : `${file}:${line}`;
  return { summary, place, evidence };
}
