import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { z } from "zod";
import { doctorReport } from "./report-schema.js";

it("is the JSON Schema that docs/schemas publishes", () => {
  const file = new URL("../../docs/schemas/doctor.schema.json", import.meta.url);
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(z.toJSONSchema(doctorReport));
});
