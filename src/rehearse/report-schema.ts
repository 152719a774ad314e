import * as z from "zod";

const ms = z.number().nonnegative().describe("milliseconds");
const half = z.enum(["server", "agent"]);
const step = z.enum(["payload", "challenge", "challenge_response", "result"]);

const halfReport = z.strictObject({
  name: z.string().describe("label of the plugin block: SPIRE's attestation type"),
  command: z.array(z.string()).min(1),
  checksum: z.enum(["verified", "not configured"]),
  start_until_configured_ms: ms,
  peak_memory_mb: z
    .number()
    .nonnegative()
    .nullable()
    .describe("VmHWM in MiB before the unload; null where /proc does not tell"),
  cpu_ms: z.number().nonnegative().nullable().describe("processor time of the process, start included"),
  stop_problem: z.string().nullable().describe("what SPIRE would log as an error when it unloads the plugin"),
});

const message = z.strictObject({
  step,
  from: half,
  at_ms: ms,
  took_ms: ms,
  bytes: z.number().int().nonnegative(),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
});

const failure = z.strictObject({
  count: z.number().int().positive(),
  half,
  step: step.describe("what was being waited for"),
  code: z.string().describe("gRPC status name"),
  code_number: z.number().int(),
  message: z.string(),
  unheard: z
    .strictObject({ code: z.string(), code_number: z.number().int(), message: z.string() })
    .nullable()
    .describe("the status the plugin ended with, where SPIRE does not pass it on"),
  next_step: z.string().nullable(),
});

const attestation = z.strictObject({
  attested: z.boolean(),
  duration_ms: ms,
  server_ms: ms.describe("waiting for the server half: payload to challenge, and response to result"),
  agent_ms: ms.describe("waiting for the agent half"),
  failure: z.number().int().nonnegative().nullable().describe("index into failures"),
});

/** The document that `rehearse --json` prints; docs/schemas/rehearse.schema.json is made from it. */
export const rehearseReport = z
  .strictObject({
    schema: z.literal("spire-keylime/rehearse/v1"),
    trust_domain: z.string(),
    spiffe_id: z.string().nullable().describe("of the first attestation; null when it failed"),
    selectors: z.array(z.string()).describe("type:value, as `spire-server entry create -selector` takes them"),
    can_reattest: z.boolean().nullable(),
    requested: z.number().int().positive(),
    attested: z.number().int().nonnegative(),
    failed: z.number().int().nonnegative(),
    in_flight: z.number().int().positive(),
    interrupted: z.boolean(),
    stopped_because: z.string().nullable().describe("why fewer attestations ran than requested"),
    p50_ms: ms.nullable().describe("of the successful attestations"),
    p95_ms: ms.nullable(),
    server_p50_ms: ms.nullable().describe("median of attestations[].server_ms"),
    agent_p50_ms: ms.nullable(),
    per_second: z.number().nonnegative().nullable(),
    halves: z.strictObject({ server: halfReport, agent: halfReport }),
    messages: z.array(message).describe("of the first attestation; never a nonce or a quote"),
    failures: z.array(failure),
    warnings: z.array(z.strictObject({ id: z.string(), message: z.string() })),
    attestations: z.array(attestation),
  })
  .describe("One rehearsal of a SPIRE NodeAttestor pair.");

export type RehearseReport = z.infer<typeof rehearseReport>;
