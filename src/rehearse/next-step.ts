import { faults } from "../faults/faults.js";
import { StatusCode } from "../goplugin/status-error.js";
import type { AttestationFailure } from "./relay.js";

/**
 * What an operator does about a failure: what the message itself says behind its fault (plugin/shared/refusal.ts), else that
 * fault's advice, else what the code asks for.
 */
export function nextStep(failure: AttestationFailure, hasDied: boolean): string | undefined {
  const { half } = failure;
  const { code, message } = failure.unheard ?? failure;
  if (hasDied) return `see the ${half} plugin's last log lines; SPIRE has to be restarted to start it again`;
  const own = /(?:\[[a-z0-9-]+\]|; likeliest fault [a-z0-9-]+: [^;]+); (.+)$/.exec(message)?.[1];
  if (own !== undefined) return own;
  const id = /\[([a-z0-9-]+)\]/.exec(message)?.[1];
  if (id !== undefined && Object.hasOwn(faults, id)) return faults[id as keyof typeof faults].advice;
  if (/remote error: tls: /.test(message)) {
    return "the peer refused the client certificate: find out with `spire-keylime doctor` which one was presented and what the peer trusts";
  }
  return byCode[code]?.(half);
}

const byCode: Partial<Record<StatusCode, (half: string) => string>> = {
  [StatusCode.UNAVAILABLE]: (half) =>
    `check that the Keylime service the ${half} half calls runs and can be reached from here`,
  [StatusCode.DEADLINE_EXCEEDED]: (half) =>
    `see with --verbose what the ${half} half waits for, or allow more time with --timeout`,
  [StatusCode.UNIMPLEMENTED]: (half) =>
    `check that plugin_cmd of the ${half} half is its NodeAttestor and not the other half's`,
  [StatusCode.INTERNAL]: (half) => `see the ${half} plugin's log lines with --verbose`,
};
