import { defineCheck } from "../check.js";
import { judgeEndpoints } from "./judge-endpoints.js";
import { judgeReached } from "./unreachable.js";

export const registrarUnreachable = defineCheck({
  id: "registrar-unreachable",
  family: "live",
  title: "the registrar takes connections",
  judge: (facts) =>
    judgeEndpoints(facts, ["registrar", "registrar-http"], (endpoint) => {
      const isAgents = endpoint.role === "registrar-http";
      const keys = isAgents ? "registrar_ip and registrar_port" : "keylime_registrar_host and keylime_registrar_port";
      return judgeReached({ facts, endpoint, service: "keylime_registrar", keys });
    }),
});
