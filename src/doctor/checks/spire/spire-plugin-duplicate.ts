import { listed } from "../../../core/listed.js";
import type { AttestorBlock, ConfFlaw, ParsedSpireConf } from "../../facts/spire/spire-facts.js";
import { defineCheck, type Evidence, type Finding, foundOrClear } from "../check.js";
import { parsedConfs } from "./plugins.js";

export const spirePluginDuplicate = defineCheck({
  id: "spire-plugin-duplicate",
  family: "spire",
  title: "the plugin is declared once on the server and once on the agent, under one name",
  judge(facts) {
    const confs = parsedConfs(facts);
    if (confs.every(({ plugin }) => plugin === undefined)) {
      return { is: "skipped", reason: "no block of Keylime's plugin was found" };
    }
    const findings = [...confs.flatMap(repeated), ...confs.flatMap(crowded), ...judgePair(confs)];
    return foundOrClear(findings, confs.map(blockText).join("; "));
  },
});

function blockText({ half, plugin, file }: ParsedSpireConf): string {
  const block = plugin === undefined ? "none" : `NodeAttestor ${JSON.stringify(plugin.name)}`;
  return `${half}: ${block} (${plugin === undefined ? file : `${file}:${plugin.at.line}`})`;
}

/** SPIRE does not start with two blocks of one type and name. */
function repeated({ half, flaws, attestors }: ParsedSpireConf): Finding[] {
  return flaws
    .filter(({ code }) => code === "spire-plugin-duplicate")
    .map((flaw) => repeatedFinding(flaw, half, attestors));
}

function repeatedFinding({ message, hint, at }: ConfFlaw, half: string, attestors: readonly AttestorBlock[]): Finding {
  const name = attestors.find((block) => block.at.line === at?.line && block.at.column === at.column)?.name;
  const same = attestors.filter((block) => block.name === name);
  const blocks = same.length > 1 ? same.map(blockEvidence) : [{ text: message, ...at }];
  return {
    severity: "error",
    stopsAttestation: true,
    summary: `the SPIRE ${half} does not start: ${message}`,
    evidence: blocks,
    fix: { action: hint ?? "remove one of the two blocks" },
  };
}

const blockEvidence = ({ name, at, command }: AttestorBlock): Evidence => ({
  text: `NodeAttestor ${JSON.stringify(name)}${command === undefined ? "" : `, plugin_cmd = ${JSON.stringify(command.value)}`}`,
  ...at,
});

/** A SPIRE agent takes exactly one NodeAttestor (pkg/agent/catalog, SPIRE 1.13). */
function crowded({ half, attestors, plugin }: ParsedSpireConf): Finding[] {
  const enabled = attestors.filter(({ isEnabled }) => isEnabled);
  const names = [...new Set(enabled.map(({ name }) => name))];
  if (half !== "agent" || plugin === undefined || names.length < 2) return [];
  return [
    {
      severity: "error",
      stopsAttestation: true,
      summary: `the SPIRE agent does not start: it takes one NodeAttestor, and ${listed(names.map((name) => JSON.stringify(name)))} are declared`,
      evidence: enabled.map(blockEvidence),
      fix: {
        action: "remove the NodeAttestor blocks that this agent does not attest with, or set enabled = false there",
      },
    },
  ];
}

function judgePair(confs: readonly ParsedSpireConf[]): Finding[] {
  const server = confs.find(({ half }) => half === "server");
  const agent = confs.find(({ half }) => half === "agent");
  if (server === undefined || agent === undefined) return [];
  if (server.plugin !== undefined && agent.plugin !== undefined) return differentNames(server, agent);
  const [without, other] = server.plugin === undefined ? [server, agent] : [agent, server];
  // A block that SPIRE does not load is another fault, which names that block.
  if (without.attestors.some(({ name }) => name === other.plugin?.name)) return [];
  return without.half === "server" ? [missingOn(server, agent)] : missingOnAgent(server, agent);
}

/** SPIRE finds the server's half by the name under which the agent's is declared. */
function differentNames(server: ParsedSpireConf, agent: ParsedSpireConf): Finding[] {
  const [ofServer, ofAgent] = [server.plugin!, agent.plugin!];
  if (ofServer.name === ofAgent.name) return [];
  return [
    {
      severity: "error",
      stopsAttestation: true,
      stage: "attest",
      summary: `the SPIRE server calls the plugin ${JSON.stringify(ofServer.name)}, the agent ${JSON.stringify(ofAgent.name)}: it does not find its other half`,
      evidence: [ofServer, ofAgent].map(({ name, at }) => ({ text: `NodeAttestor ${JSON.stringify(name)}`, ...at })),
      fix: { action: `name both blocks ${JSON.stringify(ofServer.name)}, then restart the SPIRE agent` },
    },
  ];
}

function missingOn(without: ParsedSpireConf, other: ParsedSpireConf): Finding {
  const plugin = other.plugin!;
  return {
    severity: "error",
    stopsAttestation: true,
    stage: "attest",
    summary: `the SPIRE ${without.half} has no NodeAttestor ${JSON.stringify(plugin.name)}, which its ${other.half} attests with`,
    evidence: [
      { text: `NodeAttestor ${JSON.stringify(plugin.name)} of the ${other.half}`, ...plugin.at },
      { text: `NodeAttestors of the ${without.half}: ${namesOf(without)}`, file: without.file },
    ],
    fix: {
      action: `declare NodeAttestor ${JSON.stringify(plugin.name)} in ${without.file}, then restart the SPIRE ${without.half}`,
      commands: [`spire-keylime plugin block ${without.half}`],
    },
  };
}

/** An agent beside its server may attest in another way on purpose: the nodes that Keylime watches are elsewhere then. */
function missingOnAgent(server: ParsedSpireConf, agent: ParsedSpireConf): Finding[] {
  const hasOther = agent.attestors.some(({ isEnabled }) => isEnabled);
  const finding = missingOn(agent, server);
  return [hasOther ? { ...finding, severity: "warning", stopsAttestation: false } : finding];
}

function namesOf({ attestors }: ParsedSpireConf): string {
  return (
    attestors
      .filter(({ isEnabled }) => isEnabled)
      .map(({ name }) => name)
      .join(", ") || "none"
  );
}
