import { expect, it } from "vitest";
import { sampleReport } from "../../../../test/support/sample-report.js";
import { styleFor } from "../style.js";
import { contradictionsText } from "./contradiction-text.js";

it("tells what the file says, what was seen and what that proves", () => {
  expect(contradictionsText(sampleReport(), styleFor({ colour: false }))).toEqual([
    [
      "Where the verifier's files and what it does exclude one another",
      "1. trusted_client_ca is commented out, yet 127.0.0.1:8881 takes /etc/c.crt",
      '   - the file: #trusted_client_ca = ["ca.crt"] (/etc/keylime/verifier.conf:14)',
      "   - seen: 127.0.0.1:8881 with /etc/c.crt: HTTP 404",
      "   - the verifier (process 9) has run since 2026-11-25 04:00:00 UTC",
      "   proves: the file was changed after the verifier had started (verifier-config-drift)",
    ].join("\n"),
  ]);
});

it("says nothing where files and behaviour agree", () => {
  expect(contradictionsText({ ...sampleReport(), contradictions: [] }, styleFor({ colour: false }))).toEqual([]);
});
