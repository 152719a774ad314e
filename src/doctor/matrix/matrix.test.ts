import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { z } from "zod";
import { matrixOf, measuredTable } from "../../../test/support/measured-trust.js";
import { fieldReportPki } from "../../peers/pki/field-report-pki.js";
import { matrixReport } from "./matrix-schema.js";
import { embeddedVerifiers } from "./matrix-verifier.js";
import { runMatrix } from "./run-matrix.js";

it("finds with embedded verifiers what was measured on Keylime 7.14.3", async () => {
  const pki = await fieldReportPki();
  const rows: number[] = [];
  const report = await runMatrix({
    pki,
    start: embeddedVerifiers(pki),
    verifier: "embedded",
    program: undefined,
    timeoutMs: 10_000,
    onRow: (_, number) => rows.push(number),
  });
  expect(matrixReport.parse(report)).toEqual(report);
  expect(matrixOf(report).filter(({ starts }) => starts)).toEqual(measuredTable.filter(({ starts }) => starts));
  expect(report).toMatchObject({ api_version: "2.6", program: null, request: "GET /v2.2/agents/test" });
  expect(rows).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
}, 60_000);

it("is the JSON Schema that docs/schemas publishes", () => {
  const file = new URL("../../../docs/schemas/doctor-matrix.schema.json", import.meta.url);
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(z.toJSONSchema(matrixReport));
});
