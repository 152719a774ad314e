import type { Checks } from "../check.js";
import { agentChainNotSent } from "./agent-chain-not-sent.js";
import { caBundleIncomplete } from "./ca-bundle-incomplete.js";
import { caBundleOrder } from "./ca-bundle-order.js";
import { caEkuLimits } from "./ca-eku-limits.js";
import { caNotACa } from "./ca-not-a-ca.js";
import { caWrong } from "./ca-wrong.js";
import { certChainIncomplete } from "./cert-chain-incomplete.js";
import { certExpired } from "./cert-expired.js";
import { certExpiresSoon } from "./cert-expires-soon.js";
import { certNoClientAuth } from "./cert-no-client-auth.js";
import { certNoServerAuth } from "./cert-no-server-auth.js";
import { certNotYetValid } from "./cert-not-yet-valid.js";
import { certOrder } from "./cert-order.js";
import { certWeak } from "./cert-weak.js";

export const certificateChecks = {
  "cert-order": certOrder,
  "cert-chain-incomplete": certChainIncomplete,
  "cert-expired": certExpired,
  "cert-not-yet-valid": certNotYetValid,
  "cert-expires-soon": certExpiresSoon,
  "cert-no-client-auth": certNoClientAuth,
  "cert-no-server-auth": certNoServerAuth,
  "cert-weak": certWeak,
  "ca-not-a-ca": caNotACa,
  "ca-eku-limits": caEkuLimits,
  "ca-bundle-incomplete": caBundleIncomplete,
  "ca-bundle-order": caBundleOrder,
  "ca-wrong": caWrong,
  "agent-chain-not-sent": agentChainNotSent,
} as const satisfies Checks;
