import type { DoctorReport } from "../../src/doctor/report-schema.js";

/** A name in a certificate that tries to be more than a name. */
export const hostileName = `CN="><script>alert(1)</script><img src=x onerror=alert(2)>\u202egro.elpmaxe & 'x'`;

const nowhere = { file: null, line: null, column: null, certificate: null, probe: null };

/** A report with a cause of two proofs, a warning, and a check of every outcome. */
export function sampleReport(): DoctorReport {
  const cause: DoctorReport["causes"][number] = {
    id: "ca-wrong",
    title: "the trust file never signed the peer's certificate",
    severity: "error",
    stops_attestation: true,
    stage: "handshake",
    leg: "plugin->verifier",
    other_legs: ["plugin->registrar"],
    summary: `the verifier does not trust ${hostileName}`,
    evidence: [
      { ...nowhere, text: `issued by ${hostileName}`, file: "/etc/spire/server.conf", line: 30, column: 5 },
      {
        ...nowhere,
        text: "the certificate that is presented",
        certificate: {
          subject: hostileName,
          issuer: "CN=Root",
          serial: "01",
          sha256: "ab".repeat(32),
          file: "/etc/c.crt",
        },
      },
      {
        ...nowhere,
        text: "asked live",
        file: "/etc/keylime/verifier.conf",
        line: 14,
        probe: { endpoint: "127.0.0.1:8881", presented: "/etc/c.crt", result: "alert 48 unknown_ca" },
      },
    ],
    fix: { action: "configure the CA", commands: [`cp "a & b" <c>`], can_be_applied: false },
    explained_by: null,
  };
  const warning: DoctorReport["findings"][number] = {
    ...cause,
    id: "cert-expires-soon",
    title: "less than a third of a certificate's lifetime is left",
    severity: "warning",
    stops_attestation: false,
    stage: "hygiene",
    leg: null,
    other_legs: [],
    summary: "/etc/c.crt ends in 2 hours",
    evidence: [],
    fix: { action: "renew it", commands: [], can_be_applied: false },
    explained_by: "ca-wrong",
  };
  return {
    schema: "spire-keylime/doctor/v1",
    version: "0.1.0",
    examined_at: "2026-11-25T05:00:00.000Z",
    took_ms: 812.5,
    root: null,
    offline: false,
    verdict: { outcome: "cause-found", cause: "ca-wrong", text: cause.summary, next_step: cause.fix.action },
    causes: [cause],
    findings: [cause, warning],
    hypotheses: [
      {
        id: "presented-not-trusted",
        text: "The presented certificate is not trusted",
        verdict: "confirmed",
        evidence: [{ ...nowhere, text: `issued by ${hostileName}` }],
      },
    ],
    questions: [
      {
        id: "agent-mtls",
        text: "Does enable_agent_mtls turn client certificates off?",
        verdict: "refuted",
        evidence: [{ ...nowhere, text: "it governs the verifier's own connections only" }],
      },
    ],
    contradictions: [
      {
        id: "certificate-taken-against-the-file",
        summary: "trusted_client_ca is commented out, yet 127.0.0.1:8881 takes /etc/c.crt",
        says: { ...nowhere, text: '#trusted_client_ca = ["ca.crt"]', file: "/etc/keylime/verifier.conf", line: 14 },
        seen: { ...nowhere, text: "127.0.0.1:8881 with /etc/c.crt: HTTP 404" },
        proves: "verifier-config-drift",
        because: [{ ...nowhere, text: "the verifier (process 9) has run since 2026-11-25 04:00:00 UTC" }],
        stops_attestation: false,
      },
    ],
    legs: [
      {
        id: "plugin->verifier",
        client: {
          name: "the server plugin",
          library: "Go without verification (InsecureSkipVerify)",
          presents: [{ subject: "CN=spire", issuer: "CN=ca", serial: "01", sha256: "00", file: "/etc/c.crt" }],
          trusts: null,
          verdict: { outcome: "does-not-look", reason: null, error: null, depth: null, certificate: null, alert: null },
        },
        server: {
          name: "the verifier",
          library: "Python's ssl (OpenSSL)",
          presents: [],
          trusts: [{ file: "/etc/ca.crt", subjects: ["CN=other"] }],
          verdict: {
            outcome: "refuses",
            reason: "unable to get local issuer certificate",
            error: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
            depth: 0,
            certificate: "CN=spire",
            alert: { number: 48, name: "unknown_ca" },
          },
        },
      },
    ],
    checks: [
      {
        id: "ca-wrong",
        family: "certificates",
        title: "every CA file is the right one",
        outcome: "found",
        detail: null,
      },
      {
        id: "cert-expires-soon",
        family: "certificates",
        title: "no certificate ends soon",
        outcome: "found",
        detail: null,
      },
      { id: "key-too-open", family: "files", title: "keys are closed", outcome: "clear", detail: "3 keys" },
      { id: "agent-failed", family: "node", title: "attestation goes on", outcome: "unknown", detail: "no UUID" },
      {
        id: "cert-weak",
        family: "certificates",
        title: "nothing is weak",
        outcome: "skipped",
        detail: "no certificate",
      },
    ],
    sources: [
      { what: "SPIRE server configuration", source: "/etc/spire/server.conf", problem: null },
      { what: "SPIRE agent configuration", source: "/etc/spire/agent.conf", problem: "no such file" },
    ],
    exit_code: 1,
  };
}
