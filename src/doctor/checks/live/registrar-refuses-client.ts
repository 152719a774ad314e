import { alertNumbers } from "../../../tls/alert.js";
import type { TlsConnectionFacts } from "../../facts/endpoints/endpoint-facts.js";
import type { Facts } from "../../facts/facts.js";
import { defineCheck } from "../check.js";
import {
  configuredConnection,
  connectionEvidence,
  isNameless,
  judgeEndpoints,
  namedByEvidence,
  resultOf,
  targetOf,
} from "./judge-endpoints.js";

export const registrarRefusesClient = defineCheck({
  id: "registrar-refuses-client",
  family: "live",
  title: "the registrar accepts the plugin's client certificate",
  judge: (facts) =>
    judgeEndpoints(facts, ["registrar"], (endpoint) => {
      const connection = configuredConnection(endpoint);
      if (connection === undefined) return { is: "unknown", reason: unusedReason(endpoint) };
      const target = targetOf(endpoint);
      if (isItsOwnFault(connection))
        return { is: "skipped", reason: `${target}: ${resultOf(connection)}, the certificate itself is at fault` };
      if (isNameless(connection) && isVerifiersToo(facts, connection))
        return { is: "skipped", reason: `${connection.presented!.name} has no common name, as the verifier says too` };
      if (!isRefused(connection)) {
        return connection.probed.outcome === "unknown"
          ? { is: "unknown", reason: resultOf(connection) }
          : { is: "clear", because: `${target} accepts ${connection.presented!.name}` };
      }
      return {
        is: "found",
        finding: {
          severity: "error",
          stopsAttestation: true,
          leg: endpoint.id,
          summary: `the registrar at ${target} refuses the plugin's client certificate ${connection.presented!.name} (${resultOf(connection)})`,
          evidence: [
            namedByEvidence(endpoint),
            ...endpoint.connections
              .filter(({ probed }) => probed.http?.path !== "/version")
              .map((each) => connectionEvidence(endpoint, each)),
          ],
          fix: {
            action: isNameless(connection)
              ? "issue the certificate with a common name, without which Keylime takes its holder for nobody"
              : "add the root above the certificate to the file that trusted_client_ca names in [registrar] of registrar.conf, and restart the registrar; or set keylime_registrar_tls_cert_file and keylime_registrar_tls_key_file to a certificate that it trusts",
          },
        },
      };
    }),
});

/** Alert, or 7.14's 403 when it saw no certificate that it takes. */
function isRefused({ probed }: TlsConnectionFacts): boolean {
  return probed.outcome === "refused" || probed.http?.status === 403 || probed.http?.status === 401;
}

/** Expired or made for something else: that has checks of its own, and the registrar's trust is not at fault. */
function isItsOwnFault({ probed }: TlsConnectionFacts): boolean {
  const its: readonly number[] = [alertNumbers.certificateExpired, alertNumbers.unsupportedCertificate];
  return probed.outcome === "refused" && probed.alert !== null && its.includes(probed.alert.number);
}

/** client-cert-not-sent names it then. */
function isVerifiersToo({ endpoints }: Facts, { presented }: TlsConnectionFacts): boolean {
  return (
    endpoints.known &&
    endpoints.value.some(
      (each) => each.role === "verifier" && configuredConnection(each)?.presented?.name === presented!.name,
    )
  );
}

function unusedReason({ unusable, speaks }: Parameters<typeof configuredConnection>[0]): string {
  if (!speaks.known) return speaks.reason;
  return unusable.find(({ label }) => label === "configured")?.reason ?? "the configured certificate was not presented";
}
