import { z } from "zod";
import { criterionIds } from "./criterion-ids.js";

const side = z.enum(["client", "server"]);
const half = z.enum(["server", "agent"]);
const ms = z.number().nonnegative().describe("milliseconds");

const certificate = z.strictObject({
  subject: z.string().describe("RFC 4514 order"),
  issuer: z.string(),
  serial: z.string().describe("lower-case hex"),
  sha256: z.string().describe("over the DER bytes, lower-case hex"),
});

const wireMessage = z.strictObject({
  from: side,
  name: z.string().describe("the message's name as the RFC has it"),
  detail: z.string().optional(),
  certificates: z.array(certificate).optional().describe("of a certificate message, leaf first"),
  decisive: z.boolean().optional().describe("what the story is about"),
});

const exchangedMessage = z.strictObject({
  step: z.enum(["payload", "challenge", "challenge_response", "result"]),
  from: half,
  at_ms: ms,
  took_ms: ms,
  bytes: z.number().int().nonnegative(),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
});

const fileLine = z.strictObject({
  number: z.number().int().positive(),
  text: z.string(),
  mark: z.string().optional().describe("what is noteworthy about the line"),
});

/** What happens in a scene, as it happens. Facts only: each is something a program did, sent, wrote or answered. */
const event = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("scene"), number: z.number().int().positive(), title: z.string() }),
  z.strictObject({ type: z.literal("step"), text: z.string() }).describe("a step of the lab's own"),
  z
    .strictObject({ type: z.literal("file"), path: z.string(), lines: z.array(fileLine) })
    .describe("lines of a file as they stand on disk"),
  z
    .strictObject({
      type: z.literal("call"),
      call: z.string(),
      presenting: z.string().nullable().describe("a certificate's file; null for no certificate"),
      answer: z.string(),
    })
    .describe("one HTTP call that a person would make by hand"),
  z
    .strictObject({ type: z.literal("handshake"), leg: z.string(), messages: z.array(wireMessage) })
    .describe("a TLS handshake as it went over the wire; only where the verifier is the embedded one"),
  z
    .strictObject({ type: z.literal("exchange"), messages: z.array(exchangedMessage) })
    .describe("one attestation as it passed between the two plugins; only where SPIRE is the embedded stand-in"),
  z
    .strictObject({ type: z.literal("log"), source: z.string(), level: z.string(), text: z.string() })
    .describe("a line that a program logged, or the error it returned"),
  z.strictObject({
    type: z.literal("outcome"),
    as_expected: z.boolean(),
    text: z.string(),
    why: z.string().nullable().describe("follows from the facts of the scene"),
  }),
]);

const part = z.strictObject({
  name: z.string(),
  kind: z.enum(["real", "embedded"]).describe("the real program, or a stand-in for it"),
  detail: z.string(),
});

const criterion = z.strictObject({
  id: z.enum(criterionIds),
  title: z.string().describe("the field report's own words"),
  met: z.boolean(),
  evidence: z.string().describe("what was seen"),
});

const scene = z.strictObject({
  number: z.number().int().positive(),
  title: z.string(),
  as_expected: z.boolean(),
  outcome: z.string(),
  why: z.string().nullable(),
  events: z.array(event),
});

/** The document that `lab --json` prints; docs/schemas/lab.schema.json is made from it. */
export const labReport = z
  .strictObject({
    schema: z.literal("spire-keylime/lab/v1"),
    ok: z.boolean().describe("every scene ended as it must, and every criterion is met"),
    directory: z.string().describe("below it are the lab's configuration, certificates and data"),
    notices: z.array(z.string()).describe("what is not as in a usual installation, such as ports"),
    parts: z.array(part),
    scenes: z.array(scene),
    criteria: z.array(criterion),
    elapsed_ms: ms,
  })
  .describe("The field report's story, played on one machine.");

export type LabReport = z.infer<typeof labReport>;
export type StoryEvent = z.infer<typeof event>;
export type ExchangedMessage = z.infer<typeof exchangedMessage>;
export type WireMessage = z.infer<typeof wireMessage>;
export type WireCertificate = z.infer<typeof certificate>;
export type Part = z.infer<typeof part>;
export type Criterion = z.infer<typeof criterion>;
export type Tell = (event: StoryEvent) => void;
