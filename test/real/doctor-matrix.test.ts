import { expect, it } from "vitest";
import { realVerifiers } from "../../src/doctor/matrix/matrix-verifier.js";
import { runMatrix } from "../../src/doctor/matrix/run-matrix.js";
import { fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { matrixOf, measuredTable } from "../support/measured-trust.js";
import { describeWithPeers, peerPath } from "./support/peers.js";

describeWithPeers(["keylime_verifier"], "doctor --matrix (Keylime 7.14.3)", () => {
  it("finds the measured table, and the exception that keeps each of two verifiers from starting", async () => {
    const pki = await fieldReportPki();
    const program = peerPath("keylime_verifier");
    const start = realVerifiers(pki, program);
    const report = await runMatrix({ pki, start, verifier: "real", program, timeoutMs: 20_000 });
    expect(matrixOf(report)).toEqual(measuredTable);
    expect(report.api_version).toBe("2.6");
    expect(report.rows.map(({ start_failure: failure }) => failure).filter((each) => each !== null)).toEqual([
      "FileNotFoundError: [Errno 2] No such file or directory",
      "NoSectionError: No section: 'verifier'",
    ]);
  }, 900_000);
});
