import * as z from "zod";

const ms = z.number().nonnegative().nullable().describe("milliseconds since the connection's start; null: not reached");
const side = z.enum(["client", "server"]);

const certificate = z.strictObject({
  subject: z.string().describe("RFC 4514; empty when the bytes are no certificate"),
  issuer: z.string(),
  serial: z.string().describe("lower-case hex"),
  sha256: z.string().describe("of the DER bytes, lower-case hex"),
  not_before: z.string().nullable().describe("ISO 8601"),
  not_after: z.string().nullable().describe("ISO 8601"),
  eku: z.array(z.string()).nullable().describe("null when the certificate has no such extension"),
  sans: z.array(z.string()),
});

const finding = z.strictObject({
  id: z.string().describe("a fault id of the table, or a code of this command"),
  severity: z.enum(["error", "warning", "info"]),
  message: z.string(),
  hint: z.string().nullable(),
});

const verdict = z.strictObject({
  library: z
    .enum(["openssl", "go"])
    .describe("openssl: also Python, Node and the Rust agent; curl takes an intermediate for an anchor, as Go does"),
  ok: z.boolean(),
  error: z.string().nullable(),
});

const connection = z.strictObject({
  candidate: z.string().nullable().describe("certificate file that was to be presented; null: none"),
  candidate_key: z.string().nullable().describe("file of its private key"),
  versions_offered: z.array(z.string()),
  outcome: z.enum(["accepted", "refused", "unknown"]).describe("what the server made of it; unknown: see problem"),
  evidence: z.string().describe("what the outcome rests on"),
  remote_address: z.string().nullable(),
  version: z.string().nullable(),
  cipher_suite: z.string().nullable(),
  group: z.string().nullable(),
  alpn: z.string().nullable(),
  certificate_request: z
    .strictObject({
      signature_algorithms: z.array(z.string()),
      ca_names: z.array(z.string()).describe("empty: none sent, which restricts nothing"),
    })
    .nullable()
    .describe("null: the server asked for no certificate"),
  client_certificates: z.array(certificate).describe("what was really sent, leaf first"),
  as_differences: z.array(z.string()).describe("where the imitated stack sends something else than the file holds"),
  withheld: z.string().nullable().describe("why the candidate was not sent although the server asked"),
  server_certificates: z.array(certificate).describe("as sent, leaf first"),
  server_key_proven: z.boolean().nullable(),
  alert: z
    .strictObject({
      number: z.number().int(),
      name: z.string(),
      from: side,
      level: z.enum(["warning", "fatal"]),
      after: z.string().describe("the last thing the client had sent"),
      meaning: z.string().describe("past tense, reads on after the sender"),
    })
    .nullable(),
  http: z.strictObject({ path: z.string(), status: z.number().int(), body: z.string() }).nullable(),
  timing_ms: z.strictObject({ connect: ms, server_hello: ms, finished: ms, first_byte: ms }),
  messages: z.array(
    z.strictObject({ from: side, name: z.string(), bytes: z.number().int().nonnegative(), at_ms: z.number() }),
  ),
  findings: z.array(finding),
  problem: z.strictObject({ code: z.string(), message: z.string(), hint: z.string().nullable() }).nullable(),
});

/** The document that `probe --json` prints; docs/schemas/probe.schema.json is made from it. */
export const probeReport = z
  .strictObject({
    schema: z.literal("spire-keylime/probe/v1"),
    target: z.string(),
    peer: z.string().describe("what the other side is called in the text: verifier, registrar, agent, server"),
    server_name: z.string().nullable().describe("sent, and judged the certificate's names by"),
    as: z.enum(["go", "openssl", "node", "rust"]).nullable(),
    server: z
      .strictObject({
        ca_file: z.string().nullable(),
        verdicts: z.array(verdict).describe("over the chain as sent, against ca_file; empty without"),
        as_verdict: z
          .strictObject({ ok: z.boolean(), error: z.string().nullable() })
          .nullable()
          .describe("whether the imitated stack would take the server, its name included; null without as or ca_file"),
        name_matches: z.boolean().nullable(),
        findings: z.array(finding),
      })
      .nullable()
      .describe("null when no certificate of the server was seen"),
    connections: z.array(connection),
    notes: z.array(z.string()),
    exit_code: z.number().int(),
  })
  .describe("TLS handshakes with one server, and what it made of each client certificate.");

export type ProbeReport = z.infer<typeof probeReport>;
export type ProbedConnection = z.infer<typeof connection>;
export type ProbedCertificate = z.infer<typeof certificate>;
export type ProbeFinding = z.infer<typeof finding>;
