import type { Checks } from "../check.js";
import { agentContactAddress } from "./agent-contact-address.js";
import { agentDefaultUuid } from "./agent-default-uuid.js";
import { agentFailed } from "./agent-failed.js";
import { agentNotActive } from "./agent-not-active.js";
import { agentNotEnrolled } from "./agent-not-enrolled.js";
import { agentNotRegistered } from "./agent-not-registered.js";
import { agentPushMode } from "./agent-push-mode.js";
import { agentStateUnproven } from "./agent-state-unproven.js";
import { verifierWrongDbCert } from "./verifier-wrong-db-cert.js";

export const nodeChecks = {
  "agent-contact-address": agentContactAddress,
  "agent-default-uuid": agentDefaultUuid,
  "agent-failed": agentFailed,
  "agent-not-active": agentNotActive,
  "agent-not-enrolled": agentNotEnrolled,
  "agent-not-registered": agentNotRegistered,
  "agent-push-mode": agentPushMode,
  "agent-state-unproven": agentStateUnproven,
  "verifier-wrong-db-cert": verifierWrongDbCert,
} as const satisfies Checks;
