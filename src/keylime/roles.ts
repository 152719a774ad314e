import type { PeerRole } from "../net/peer-role.js";

export const verifierRole: PeerRole = {
  name: "the Keylime verifier",
  faults: {
    refused: "verifier-unreachable",
    unreachable: "verifier-unreachable",
    dns: "verifier-unreachable",
    timeout: "verifier-unreachable",
    "server-name": "verifier-name-mismatch",
    "not-tls": "verifier-not-tls",
  },
  refusal: { samePki: "verifier-trust-empty", otherPki: "ca-wrong" },
  leafAlone: "ca-wrong",
  serverNameKey: "keylime_verifier_server_name",
};

export const registrarRole: PeerRole = {
  name: "the Keylime registrar",
  faults: {
    refused: "registrar-unreachable",
    unreachable: "registrar-unreachable",
    dns: "registrar-unreachable",
    timeout: "registrar-unreachable",
    "server-name": "registrar-name-mismatch",
    "not-tls": "registrar-port-mixup",
  },
  refusal: { samePki: "registrar-refuses-client", otherPki: "registrar-refuses-client" },
  leafAlone: "ca-wrong",
  serverNameKey: "keylime_registrar_server_name",
};

export const agentRole: PeerRole = {
  name: "the Keylime agent",
  faults: {
    refused: "agent-unreachable",
    unreachable: "agent-unreachable",
    dns: "agent-unreachable",
    timeout: "agent-unreachable",
    "server-name": "agent-name-mismatch",
    "not-tls": "agent-mtls-mismatch",
    "not-http": "agent-mtls-mismatch",
  },
  refusal: { samePki: "agent-refuses-client", otherPki: "agent-refuses-client" },
  leafAlone: "agent-chain-not-sent",
  serverNameKey: "keylime_agent_server_name",
};
