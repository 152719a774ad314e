import type { FieldReportPki } from "../peers/pki/field-report-pki.js";
import type { KeylimeAdmin } from "../peers/real/enrolment.js";
import { httpsRequest } from "../peers/real/https-request.js";
import type { LabPorts } from "./lab-ports.js";

/** Asks as the operator does with curl: the report's certificate, the report's CA file. */
export function labAdmin({ caCompleteChainPem, verifier }: FieldReportPki, ports: LabPorts): KeylimeAdmin {
  const identity = { certPem: verifier.chainPem, keyPem: verifier.keyPem };
  const ask =
    (port: number): KeylimeAdmin["askVerifier"] =>
    (path, request = {}) =>
      httpsRequest(`https://127.0.0.1:${port}${path}`, { caPem: caCompleteChainPem, identity, ...request });
  return { askVerifier: ask(ports.verifier), askRegistrar: ask(ports.registrarTls) };
}
