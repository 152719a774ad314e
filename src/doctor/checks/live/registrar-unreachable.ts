import type { EndpointFacts } from "../../facts/endpoints/endpoint-facts.js";
import { defineCheck } from "../check.js";
import { judgeAllEndpoints } from "./judge-endpoints.js";
import { judgeReached } from "./unreachable.js";

export const registrarUnreachable = defineCheck({
  id: "registrar-unreachable",
  family: "live",
  title: "the registrar takes connections",
  judge: (facts) =>
    judgeAllEndpoints(facts, ["registrar", "registrar-http"], (endpoint) => {
      return judgeReached({ facts, endpoint, service: "keylime_registrar", keys: keysOf(endpoint) });
    }),
});

function keysOf({ askedBy }: EndpointFacts): string {
  if (askedBy === "server-plugin") return "keylime_registrar_host and keylime_registrar_port";
  return askedBy === "nobody" ? "ip and tls_port in [registrar]" : "registrar_ip and registrar_port";
}
