import * as z from "zod";

const cell = z.strictObject({
  client: z.string(),
  http_status: z.number().int().nullable(),
  alert: z.strictObject({ number: z.number().int(), name: z.string() }).nullable(),
  reason: z.string().nullable().describe("why there is neither; null otherwise"),
});

/** The document that `doctor --matrix --json` prints; docs/schemas/doctor-matrix.schema.json is made from it. */
export const matrixReport = z.strictObject({
  schema: z.literal("spire-keylime/doctor-matrix/v1"),
  verifier: z.enum(["embedded", "real"]),
  program: z.string().nullable().describe("path of keylime_verifier; null for the embedded one"),
  api_version: z.string().nullable().describe("the newest 2.x that /version offers"),
  request: z.string().describe("what each client asks for, over TLS 1.3"),
  clients: z.array(z.strictObject({ id: z.string(), presents: z.string() })),
  rows: z.array(
    z.strictObject({
      trusted_client_ca: z.string().nullable().describe("as written; null: commented out"),
      meaning: z.string(),
      starts: z.boolean(),
      start_failure: z.string().nullable(),
      cells: z.array(cell),
    }),
  ),
});

export type MatrixReport = z.infer<typeof matrixReport>;
export type MatrixCell = z.infer<typeof cell>;
