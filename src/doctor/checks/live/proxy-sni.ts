import { isIP } from "node:net";
import { settleOption } from "../../../keylime/config/settle-option.js";
import type { EndpointFacts } from "../../facts/endpoints/endpoint-facts.js";
import type { Facts } from "../../facts/facts.js";
import type { ProxyFacts } from "../../facts/proxies/proxy-facts.js";
import type { LocatedCertificate } from "../../legs/leg.js";
import { located, x509Of } from "../../legs/located.js";
import { defineCheck, type Evidence, type Finding, foundOrClear, notLearnt, type Outcome } from "../check.js";
import { connectionEvidence, namedByEvidence, targetOf } from "./judge-endpoints.js";

const verifiersPort = 8881;

export const proxySni = defineCheck({
  id: "proxy-sni",
  family: "live",
  title: "a proxy in front of the verifier asks it by a name of its certificate",
  judge: (facts) => {
    const failing = failingEndpoints(facts);
    const proxies = facts.proxies.known ? facts.proxies.value.filter((each) => leadsToVerifier(each, facts)) : [];
    const leaf = verifierLeaf(facts);
    const wrong = leaf === undefined ? [] : proxies.filter((proxy) => proxy.verifies && !carries(leaf, proxy));
    const findings = [
      ...wrong.map((proxy) => findingOf(proxy, leaf!, failing)),
      ...(wrong.length > 0 ? [] : failing.map(unexplained)),
    ];
    if (findings.length > 0) return foundOrClear(findings, "");
    return withoutFinding(facts, proxies, leaf);
  },
});

function withoutFinding(facts: Facts, proxies: readonly ProxyFacts[], leaf: LocatedCertificate | undefined): Outcome {
  if (proxies.length > 0 && leaf === undefined)
    return { is: "unknown", reason: "the verifier's certificate, whose names the proxy looks for, was not read" };
  if (proxies.length > 0) return { is: "clear", because: proxies.map(clearText).join("; ") };
  if (!facts.endpoints.known) return notLearnt(facts, facts.endpoints.reason);
  const isAsked = facts.endpoints.value.some(({ role, speaks }) => role === "verifier" && speaks.known);
  if (isAsked) return { is: "clear", because: "no proxy was met in front of the verifier" };
  return { is: "skipped", reason: "no verifier was met" };
}

function clearText({ target, name, verifies }: ProxyFacts): string {
  return verifies ? `${target} is asked for as ${name.value}` : `${target} is not verified, whatever its name`;
}

/** By the address in the verifier's own file where there is one; by Keylime's port otherwise. */
function leadsToVerifier({ servers }: ProxyFacts, { keylime, endpoints }: Facts): boolean {
  const seen = endpoints.known ? endpoints.value.filter(({ role, speaks }) => role === "verifier" && speaks.known) : [];
  const ports = new Set([
    verifiersPort,
    ...(keylime.verifier.known ? [Number(settleOption(keylime.verifier.value.config, "port")?.value)] : []),
    ...seen.map(({ port }) => port),
  ]);
  return servers.some(({ port }) => ports.has(port));
}

function verifierLeaf({ files }: Facts): LocatedCertificate | undefined {
  const file = files.find(({ uses }) =>
    uses.some(({ reader, role, end }) => reader === "verifier" && role === "certificate" && end === "server"),
  );
  return file === undefined ? undefined : located(file)[0];
}

/** As nginx looks for it: X509_check_host, which finds no address among the names (ngx_event_openssl.c). */
function carries(leaf: LocatedCertificate, { name }: ProxyFacts): boolean {
  return isIP(name.value) === 0 && x509Of(leaf).checkHost(name.value) !== undefined;
}

/** Endpoints where something that is not Keylime says that what is behind it does not answer. */
function failingEndpoints({ endpoints }: Facts): EndpointFacts[] {
  if (!endpoints.known) return [];
  return endpoints.value.filter(
    ({ role, plain, connections }) =>
      role === "verifier" &&
      (isBadGateway(plain?.is === "http" ? plain.status : undefined) ||
        connections.some(({ probed }) => isBadGateway(probed.http?.status))),
  );
}

const isBadGateway = (status: number | undefined): boolean => status === 502 || status === 504;

function findingOf(proxy: ProxyFacts, leaf: LocatedCertificate, failing: readonly EndpointFacts[]): Finding {
  const { at, target, name, sendsName } = proxy;
  const via = failing.filter(({ port }) => proxy.listens.some((listen) => portOf(listen) === port));
  const names = dnsNames(leaf);
  const stops = via.length > 0;
  const wanted = names[0] ?? "a name of the verifier's certificate";
  return {
    severity: stops ? "error" : "warning",
    stopsAttestation: stops,
    leg: "plugin->verifier",
    summary: `nginx looks for the name ${name.value} in the verifier's certificate, which carries ${names.join(", ") || "no DNS name"}, so it answers 502`,
    evidence: [
      { text: `proxy_pass ${target}`, ...at },
      name.at === undefined
        ? { text: "proxy_ssl_name is not set, so the host of proxy_pass counts" }
        : { text: `proxy_ssl_name ${name.value}`, ...name.at },
      { text: `proxy_ssl_server_name is ${sendsName ? "on" : "off"}, proxy_ssl_verify is on` },
      { text: `${leaf.path} is for ${names.join(", ") || "no DNS name"}`, file: leaf.path },
      ...via.flatMap(badGatewayEvidence),
    ],
    fix: {
      action: `set proxy_ssl_name ${wanted}; and proxy_ssl_server_name on; beside line ${at.line} of ${at.file}, then reload nginx`,
      commands: ["nginx -t", "systemctl reload nginx"],
    },
  };
}

/** The port of `listen 443 ssl`, `127.0.0.1:8443`, `[::]:8443`. */
function portOf(listen: string): number {
  return Number(/(\d+)$/.exec(listen)?.[1]);
}

function dnsNames({ certificate }: LocatedCertificate): string[] {
  return certificate.facts.sans.flatMap((san) => (san.kind === "dns" ? [san.value] : []));
}

function badGatewayEvidence(endpoint: EndpointFacts): Evidence[] {
  const connection = endpoint.connections.find(({ probed }) => isBadGateway(probed.http?.status));
  if (connection !== undefined) return [namedByEvidence(endpoint), connectionEvidence(endpoint, connection)];
  const status = endpoint.plain?.is === "http" ? endpoint.plain.status : undefined;
  return [namedByEvidence(endpoint), { text: `${targetOf(endpoint)} answers HTTP ${status}` }];
}

/** A proxy whose configuration is not at hand: what it says about the verifier can have other causes too. */
function unexplained(endpoint: EndpointFacts): Finding {
  return {
    severity: "error",
    stopsAttestation: true,
    isDoubtful: true,
    leg: endpoint.id,
    summary: `the proxy at ${targetOf(endpoint)} has no connection to the verifier: perhaps it looks for another name than its certificate carries`,
    evidence: badGatewayEvidence(endpoint),
    fix: {
      action: "look into the proxy's error log for what it says of its upstream, and set the upstream's name there",
      commands: ["tail /var/log/nginx/error.log"],
    },
  };
}
