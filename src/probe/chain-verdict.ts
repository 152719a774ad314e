import { certificateFacts } from "../x509/certificate.js";
import type { TrustVerdict } from "../x509/trust/verdict.js";

/** What a library makes of a chain, in one line. */
export type ChainVerdict = { ok: true; error: null } | { ok: false; error: string };

/** A structure that even the judge cannot read is a refusal with its words. */
export function verdictOn(ask: () => TrustVerdict): ChainVerdict {
  try {
    const verdict = ask();
    return verdict.ok ? { ok: true, error: null } : { ok: false, error: errorText(verdict) };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}

function errorText({ certificate, depth, error }: Extract<TrustVerdict, { ok: false }>): string {
  const subject = certificate === undefined ? "" : `, ${certificateFacts(certificate).subject}`;
  return `${error.text} (${error.name}) at depth ${depth}${subject}`;
}
