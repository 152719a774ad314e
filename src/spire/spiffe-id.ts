import { nearestName } from "../core/nearest.js";
import { Problem } from "../core/problem.js";

/** What `{{ .PluginName }}` stands for, whatever name the plugin is configured under: the Go plugin's IDs have it. */
export const pluginName = "keylime";

/** SPIFFE ID specification, section 2.3: the longest URI an implementation has to take, in bytes. */
const maxIdLength = 2048;
const maxTrustDomainLength = 255;
const placeholders = [".PluginName", ".UUID"];

/** Why a name is no trust domain (SPIFFE ID specification, section 2.1), or undefined when it is one. */
export function trustDomainFlaw(name: string): string | undefined {
  if (name === "") return "it is empty";
  if (name.length > maxTrustDomainLength) return `it is longer than ${maxTrustDomainLength} characters`;
  return /^[a-z0-9._-]+$/.test(name)
    ? undefined
    : "it may hold lower-case letters, digits, dots, dashes and underscores";
}

/** Why a text is no segment of a SPIFFE ID's path (section 2.2), or undefined when it is one. */
export function pathSegmentFlaw(segment: string): string | undefined {
  if (segment === "") return "a path segment is empty";
  if (segment === "." || segment === "..") return `a path segment may not be ${JSON.stringify(segment)}`;
  if (/^[A-Za-z0-9._-]+$/.test(segment)) return undefined;
  return "a path segment may hold the letters A to Z and a to z, digits, dots, dashes and underscores";
}

/**
 * Why a text is no agent path template, or undefined when it is one. It must hold `{{ .UUID }}`: without it all nodes
 * would share one identity. One slash at the start is taken, as SPIRE's own templates have it.
 */
export function agentPathTemplateFlaw(template: string): string | undefined {
  const used = [...template.matchAll(/\{\{([^{}]*)\}\}/g)].map(([, inner]) => inner!.trim());
  const unknown = used.find((name) => !placeholders.includes(name));
  if (unknown !== undefined) return unknownPlaceholder(unknown);
  if (!used.includes(".UUID")) return "it lacks {{ .UUID }}, so all nodes would share one SPIFFE ID";
  const path = fillTemplate(template, "0".repeat(36));
  if (path.length > maxIdLength / 2) return "it is too long";
  return path.split("/").map(pathSegmentFlaw).find(Boolean);
}

function unknownPlaceholder(name: string): string {
  const nearest = nearestName(name.slice(0, 40), placeholders);
  const guess = nearest === undefined ? "" : `: did you mean {{ ${nearest} }}?`;
  return `{{ ${name.slice(0, 40)} }} is none of its placeholders {{ .PluginName }} and {{ .UUID }}${guess}`;
}

function fillTemplate(template: string, uuid: string): string {
  return template
    .replace(/^\//, "")
    .replaceAll(/\{\{\s*\.(PluginName|UUID)\s*\}\}/g, (_, name) => (name === "UUID" ? uuid : pluginName));
}

/**
 * The SPIFFE ID of a node. Keylime takes ids that SPIFFE does not (Unicode letters, `..`): those are refused with a
 * Problem `agent-id-not-spiffe-safe`. The template must have passed `agentPathTemplateFlaw`.
 */
export function agentId(trustDomain: string, template: string, uuid: string): string {
  const domainFlaw = trustDomainFlaw(trustDomain);
  if (domainFlaw !== undefined) {
    throw new Problem(
      "spire-trust-domain",
      `cannot use ${JSON.stringify(trustDomain.slice(0, 80))} as trust domain: ${domainFlaw}`,
      {
        culprit: "configuration",
      },
    );
  }
  const id = `spiffe://${trustDomain}/spire/agent/${fillTemplate(template, uuid)}`;
  const flaw =
    pathSegmentFlaw(uuid) ?? (id.length > maxIdLength ? `the ID would be longer than ${maxIdLength} bytes` : undefined);
  if (flaw === undefined) return id;
  throw new Problem(
    "agent-id-not-spiffe-safe",
    `cannot make a SPIFFE ID of Keylime agent id ${JSON.stringify(uuid.slice(0, 80))}: ${flaw}`,
    {
      culprit: "peer",
      hint: 'set uuid = "generate" or "hash_ek" in the Keylime agent\'s configuration',
    },
  );
}
