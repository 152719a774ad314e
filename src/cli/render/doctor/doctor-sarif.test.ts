import { expect, it } from "vitest";
import { hostileName, sampleReport } from "../../../../test/support/sample-report.js";
import { doctorSarif } from "./doctor-sarif.js";

interface SarifRun {
  tool: { driver: { rules: { id: string; shortDescription: { text: string } }[] } };
  invocations: object[];
  results: { partialFingerprints: object; properties: object }[];
}

const runOf = (text: string): SarifRun => (JSON.parse(text) as { runs: [SarifRun] }).runs[0];

it("names a rule for each check, and a result with its places for each finding", () => {
  const { tool, invocations, results } = runOf(doctorSarif(sampleReport()));
  expect(tool.driver.rules.map(({ id }) => id)).toEqual([
    "ca-wrong",
    "cert-expires-soon",
    "key-too-open",
    "agent-failed",
    "cert-weak",
  ]);
  expect(invocations).toEqual([
    {
      executionSuccessful: true,
      exitCode: 1,
      startTimeUtc: "2026-11-25T05:00:00.000Z",
      toolExecutionNotifications: [
        { level: "note", associatedRule: { id: "agent-failed" }, message: { text: "could not be checked: no UUID" } },
      ],
    },
  ]);
  const place = (uri: string, region: object) => ({ physicalLocation: { artifactLocation: { uri }, region } });
  expect(results).toEqual([
    {
      ruleId: "ca-wrong",
      ruleIndex: 0,
      level: "error",
      message: { text: `the verifier does not trust ${hostileName}. Fix: configure the CA\ncp "a & b" <c>` },
      locations: [place("file:///etc/spire/server.conf", { startLine: 30, startColumn: 5 })],
      relatedLocations: [
        { ...place("file:///etc/keylime/verifier.conf", { startLine: 14 }), message: { text: "asked live" } },
      ],
      partialFingerprints: { "finding/v1": expect.stringMatching(/^[0-9a-f]{64}$/) },
      properties: {
        stops_attestation: true,
        stage: "handshake",
        explained_by: null,
        evidence: [`issued by ${hostileName}`, "the certificate that is presented", "asked live"],
      },
    },
    {
      ruleId: "cert-expires-soon",
      ruleIndex: 1,
      level: "warning",
      message: { text: "/etc/c.crt ends in 2 hours. Fix: renew it" },
      partialFingerprints: { "finding/v1": expect.stringMatching(/^[0-9a-f]{64}$/) },
      properties: { stops_attestation: false, stage: "hygiene", explained_by: "ca-wrong", evidence: [] },
    },
  ]);
});

it("gives a finding the same fingerprint in the next run, and another file another one", () => {
  const report = sampleReport();
  const [first] = runOf(doctorSarif(report)).results;
  report.findings[0]!.summary = "told in other words";
  report.findings[0]!.evidence[0]!.line = 31;
  expect(runOf(doctorSarif(report)).results[0]!.partialFingerprints).toEqual(first!.partialFingerprints);
  report.findings[0]!.evidence[0]!.file = "/etc/other.conf";
  expect(runOf(doctorSarif(report)).results[0]!.partialFingerprints).not.toEqual(first!.partialFingerprints);
});
