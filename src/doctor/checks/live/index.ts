import type { Checks } from "../check.js";
import { agentApiVersion } from "./agent-api-version.js";
import { agentMtlsMismatch } from "./agent-mtls-mismatch.js";
import { agentNameMismatch } from "./agent-name-mismatch.js";
import { agentOpenToRelay } from "./agent-open-to-relay.js";
import { agentRefusesClient } from "./agent-refuses-client.js";
import { agentUnreachable } from "./agent-unreachable.js";
import { clientCertNotSent } from "./client-cert-not-sent.js";
import { proxySni } from "./proxy-sni.js";
import { registrarNameMismatch } from "./registrar-name-mismatch.js";
import { registrarPortMixup } from "./registrar-port-mixup.js";
import { registrarRefusesClient } from "./registrar-refuses-client.js";
import { registrarUnreachable } from "./registrar-unreachable.js";
import { verifierApiVersion } from "./verifier-api-version.js";
import { verifierIsRegistrar } from "./verifier-is-registrar.js";
import { verifierNameMismatch } from "./verifier-name-mismatch.js";
import { verifierNotTls } from "./verifier-not-tls.js";
import { verifierUnreachable } from "./verifier-unreachable.js";

export const liveChecks = {
  "agent-api-version": agentApiVersion,
  "agent-mtls-mismatch": agentMtlsMismatch,
  "agent-name-mismatch": agentNameMismatch,
  "agent-open-to-relay": agentOpenToRelay,
  "agent-refuses-client": agentRefusesClient,
  "agent-unreachable": agentUnreachable,
  "client-cert-not-sent": clientCertNotSent,
  "proxy-sni": proxySni,
  "registrar-name-mismatch": registrarNameMismatch,
  "registrar-port-mixup": registrarPortMixup,
  "registrar-refuses-client": registrarRefusesClient,
  "registrar-unreachable": registrarUnreachable,
  "verifier-api-version": verifierApiVersion,
  "verifier-is-registrar": verifierIsRegistrar,
  "verifier-name-mismatch": verifierNameMismatch,
  "verifier-not-tls": verifierNotTls,
  "verifier-unreachable": verifierUnreachable,
} as const satisfies Checks;
