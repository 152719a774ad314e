import { isIP } from "node:net";
import type { EndpointFacts } from "../../facts/endpoints/endpoint-facts.js";
import type { Facts } from "../../facts/facts.js";
import { agentSetting } from "../../facts/keylime/agent-setting.js";
import { defineCheck, type Evidence } from "../check.js";
import { isLoopback } from "../node/node-answers.js";
import { settingEvidence } from "../node/setting-evidence.js";
import { judgeEndpoints, namedByEvidence, targetOf } from "./judge-endpoints.js";

export const agentOpenToRelay = defineCheck({
  id: "agent-open-to-relay",
  family: "live",
  title: "nobody beyond the machine gets an identity quote without a certificate",
  judge: (facts) =>
    judgeEndpoints(facts, ["agent"], (endpoint) => {
      const { anonymousQuote: quote } = endpoint;
      const target = targetOf(endpoint);
      if (!quote.known) return { is: "unknown", reason: `${target}: ${quote.reason}` };
      if (!quote.value.isHandedOut) return { is: "clear", because: `${target} gives no quote without a certificate` };
      const reach = reachOf(facts, endpoint);
      if (reach.is === "loopback")
        return { is: "clear", because: `${target} gives quotes to the machine itself alone (${reach.because})` };
      const isCertain = reach.is === "beyond";
      return {
        is: "found",
        finding: {
          severity: isCertain ? "error" : "warning",
          stopsAttestation: false,
          leg: endpoint.id,
          summary: isCertain
            ? `whoever reaches ${target} gets an identity quote for any nonce, and can attest as this machine`
            : `the Keylime agent at ${target} gives an identity quote to anyone, and whether others than this machine reach it is not known`,
          evidence: [
            namedByEvidence(endpoint),
            {
              text: `GET /quotes/identity over ${quote.value.over === "http" ? "plain HTTP" : "TLS"} without a certificate: HTTP ${quote.value.status}, with a quote`,
              probe: {
                endpoint: target,
                presented: "no certificate",
                result: `HTTP ${quote.value.status}, with a quote`,
              },
            },
            reach.evidence ?? { text: reach.because },
          ],
          fix: {
            action:
              'set enable_agent_mtls = true in the Keylime agent\'s configuration, or let it listen on loopback only: ip = "127.0.0.1"',
          },
        },
      };
    }),
});

interface Reach {
  is: "loopback" | "beyond" | "unknown";
  because: string;
  /** The same with its place, when a file says so. */
  evidence?: Evidence;
}

function reachOf(facts: Facts, endpoint: EndpointFacts): Reach {
  const { processes } = facts;
  const { host, port, addresses } = endpoint;
  const asked = addresses.known ? addresses.value : [host];
  const beyond = asked.find((each) => isIP(each) !== 0 && !isLoopback(each));
  if (beyond !== undefined) return { is: "beyond", because: `it answered at ${beyond}` };
  const agents = processes.known ? processes.value.filter(({ service }) => service === "keylime_agent") : [];
  const listens = agents
    .flatMap((each) => (each.listens.known ? each.listens.value : []))
    .filter((each) => each.port === port);
  if (listens.length === 0) return configuredReach(facts, endpoint);
  const open = listens.find(({ address }) => !isLoopback(address));
  return open === undefined
    ? { is: "loopback", because: `it listens on ${listens.map(({ address }) => address).join(", ")}` }
    : { is: "beyond", because: `it listens on ${open.address}` };
}

/** What the Keylime agent's file says, when it is the file of the agent that was asked. */
function configuredReach(facts: Facts, { port }: EndpointFacts): Reach {
  const [ip, itsPort] = [agentSetting(facts, "ip"), agentSetting(facts, "port")];
  if (ip === undefined || itsPort?.value !== String(port)) {
    return { is: "unknown", because: "on which addresses it listens could not be seen" };
  }
  const evidence = settingEvidence(ip);
  return { is: isLoopback(ip.value) ? "loopback" : "beyond", because: evidence.text, evidence };
}
