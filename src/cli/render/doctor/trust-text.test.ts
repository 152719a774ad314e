import { expect, it } from "vitest";
import { sampleReport } from "../../../../test/support/sample-report.js";
import { styleFor } from "../style.js";
import { trustText } from "./trust-text.js";

const plain = styleFor({ colour: false });

it("tells for each side what it makes of the other, in its library's words", () => {
  expect(trustText(sampleReport(), plain, false).join("\n").replaceAll(/\s+/g, " ")).toBe(
    "Who accepts what ‼ plugin->verifier: the server plugin (Go without verification (InsecureSkipVerify)) does not look at the certificate of the verifier × plugin->verifier: the verifier (Python's ssl (OpenSSL)) refuses CN=spire of the server plugin: unable to get local issuer certificate (UNABLE_TO_GET_ISSUER_CERT_LOCALLY); alert 48 unknown_ca",
  );
});

it("leaves out what is not known unless everything is asked for", () => {
  const report = sampleReport();
  const { client, server } = report.legs[0]!;
  const nothing = { error: null, depth: null, certificate: null, alert: null };
  const unknown = { ...client, verdict: { outcome: "unknown" as const, reason: "no file", ...nothing } };
  const legs = [{ id: "plugin->verifier" as const, client: unknown, server: { ...server, verdict: unknown.verdict } }];
  expect(trustText({ ...report, legs }, plain, false)).toEqual([]);
  expect(trustText({ ...report, legs }, plain, true).join("\n")).toContain(
    "? plugin->verifier: what the server plugin makes of the verifier is not known: no file",
  );
});
