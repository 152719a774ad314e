import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { z } from "zod";
import { traceReport } from "./report-schema.js";

it("is what docs/schemas/trace.schema.json says", () => {
  const published = readFileSync(new URL("../../docs/schemas/trace.schema.json", import.meta.url), "utf8");
  expect(JSON.parse(published)).toEqual(JSON.parse(JSON.stringify(z.toJSONSchema(traceReport))));
});
