import { isIP } from "node:net";
import type { Facts } from "../../facts/facts.js";
import { serverViewOf } from "../../facts/spire/plugin-of.js";
import { defineCheck, type Evidence, notLearnt, type Outcome } from "../check.js";
import { answerEvidence, enrolledAgent, idEvidence, isLoopback, registeredEntry } from "./node-answers.js";

export const agentContactAddress = defineCheck({
  id: "agent-contact-address",
  family: "node",
  title: "the verifier can reach the agent at the address on file",
  judge(facts): Outcome {
    const contact = contactOf(facts);
    if (contact === undefined) {
      const { registrar, verifier } = facts.node;
      const reason = !registrar.known ? registrar.reason : verifier.known ? "no entry has an address" : verifier.reason;
      return notLearnt(facts, reason);
    }
    const why = whyUnreachable(facts, contact);
    if (why === undefined)
      return { is: "clear", because: `nothing speaks against ${contact.ip}:${contact.port ?? "?"}` };
    return {
      is: "found",
      findings: [
        {
          severity: "error",
          stopsAttestation: true,
          leg: "verifier->agent",
          summary: `the agent's address on file, ${contact.ip}:${contact.port ?? "?"}, ${why.text}`,
          evidence: [idEvidence(facts), contact.evidence, ...why.evidence],
          fix: {
            action:
              "set contact_ip in [agent] of the Keylime agent's configuration to an address that the verifier reaches, restart it, delete the agent at the verifier and add it again",
            commands: ["systemctl restart keylime_agent"],
          },
        },
      ],
    };
  },
});

interface Contact {
  ip: string;
  port: number | undefined;
  evidence: Evidence;
}

/** The verifier polls the address of its own entry, which the tenant copies from the registrar's. */
function contactOf(facts: Facts): Contact | undefined {
  const { node } = facts;
  const [agent, entry] = [enrolledAgent(facts), registeredEntry(facts)];
  if (agent?.ip !== undefined) {
    const { ip, port } = agent;
    return { ip, port, evidence: answerEvidence(node.verifier, `ip ${ip}, port ${port ?? "none"}`) };
  }
  if (entry?.ip === undefined) return undefined;
  const { ip, port } = entry;
  return { ip, port, evidence: answerEvidence(node.registrar, `contact address ${ip}, port ${port ?? "none"}`) };
}

interface Why {
  text: string;
  evidence: Evidence[];
}

function whyUnreachable(facts: Facts, { ip }: Contact): Why | undefined {
  const verifier = serverViewOf(facts.spireServer)?.verifiers[0];
  if (isLoopback(ip) && verifier !== undefined && isBeyondLoopback(facts, verifier.host)) {
    return {
      text: `is loopback, which on the verifier's host ${verifier.host} is another machine`,
      evidence: [{ text: `the verifier stands at ${verifier.host}:${verifier.port}` }],
    };
  }
  return fromHere(facts);
}

function isBeyondLoopback({ endpoints }: Facts, host: string): boolean {
  const endpoint = endpoints.known
    ? endpoints.value.find((each) => each.role === "verifier" && each.host === host)
    : undefined;
  const addresses = endpoint?.addresses.known ? endpoint.addresses.value : isIP(host) === 0 ? [] : [host];
  return addresses.length > 0 && !addresses.some(isLoopback);
}

/** Seen from the verifier's own machine, a connection that fails is the verifier's too. */
function fromHere({ endpoints }: Facts): Why | undefined {
  const contact = endpoints.known ? endpoints.value.find(({ id }) => id === "verifier->agent") : undefined;
  if (contact === undefined || contact.tcp.length === 0) return undefined;
  if (contact.tcp.some(({ outcome }) => outcome === "connected" || outcome === "failed")) return undefined;
  const [first] = contact.tcp;
  return {
    text: `does not take connections from the verifier's machine (${first!.detail})`,
    evidence: [
      {
        text: `connection from this machine, where the verifier runs: ${first!.detail}`,
        probe: { endpoint: `${contact.host}:${contact.port}`, presented: "no certificate", result: first!.detail },
      },
    ],
  };
}
