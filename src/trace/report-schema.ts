import { z } from "zod";

const side = z.enum(["client", "server"]);
const time = z.string().describe("ISO 8601, by the capture's clock");
const ms = z.number().nonnegative().describe("milliseconds since the connection's first packet");

const endpoint = z.strictObject({ address: z.string(), port: z.number().int() });

const certificate = z.strictObject({
  subject: z.string().describe("RFC 4514; empty when the certificate does not read"),
  issuer: z.string(),
  serial: z.string().describe("lower-case hex"),
  sha256: z.string().describe("of the DER bytes, lower-case hex"),
  not_before: time.nullable(),
  not_after: time.nullable(),
  eku: z.array(z.string()).nullable().describe("null when the certificate has no such extension"),
  sans: z.array(z.string()),
  is_ca: z.boolean(),
  readable: z.boolean(),
});

const alert = z.strictObject({
  number: z.number().int().nullable().describe("null when the record is encrypted and nothing opens it"),
  name: z.string().nullable(),
  level: z.enum(["warning", "fatal"]).nullable(),
  from: side,
  meaning: z.string().describe("past tense, reads on after the sender"),
  inferred: z.boolean().describe("true when only length and place speak for an alert"),
  after_client_finished: z.boolean().nullable().describe("null when the capture does not show it"),
  packet: z.number().int().positive(),
  at_ms: ms,
});

const step = z.strictObject({
  from: side,
  name: z.string(),
  protection: z.enum(["clear", "decrypted", "encrypted"]),
  bytes: z.number().int().nonnegative(),
  count: z.number().int().positive().describe("messages or records in a row that this step stands for"),
  packet: z.number().int().positive(),
  at_ms: ms,
});

export const tracedConnection = z.strictObject({
  number: z.number().int().positive().describe("in the order of first packets"),
  client: endpoint,
  server: endpoint,
  server_role: z
    .enum(["verifier", "registrar", "agent", "other"])
    .describe("which of Keylime's services, by its port, else by a name it is asked for or presents"),
  started: time,
  duration_ms: z.number().nonnegative(),
  outcome: z
    .enum(["accepted", "refused", "abandoned", "unfinished", "not_tls"])
    .describe("abandoned: closed before the handshake was over, without an alert; unfinished: the capture ends first"),
  outcome_inferred: z.boolean().describe("true when encryption left only lengths and order to judge by"),
  version: z.string().nullable(),
  cipher_suite: z.string().nullable(),
  server_name: z.string().nullable(),
  alpn_offered: z.array(z.string()),
  alpn: z.string().nullable(),
  decrypted: z.boolean(),
  client_certificate_requested: z.boolean().nullable().describe("null when the capture does not show it"),
  client_certificate: z
    .enum(["presented", "none_sent", "not_asked", "unknown"])
    .describe("what the client answered; see inferences for what is only likely"),
  key_proven: z.boolean().nullable().describe("whether the client signed with the certificate's key"),
  ca_names: z.array(z.string()).nullable().describe("empty: none sent; null: no request was read"),
  client_certificates: z.array(certificate),
  server_certificates: z.array(certificate),
  alert: alert.nullable().describe("the one that ended it; close_notify and user_canceled are in alerts only"),
  alerts: z.array(alert),
  fault: z.strictObject({ id: z.string(), title: z.string(), advice: z.string(), why: z.string() }).nullable(),
  inferences: z.array(z.string()),
  steps: z.array(step),
  dropped_steps: z.number().int().nonnegative(),
  application_bytes: z.strictObject({ client: z.number().nonnegative(), server: z.number().nonnegative() }),
  packets: z.number().int().positive(),
  lost_bytes: z.number().nonnegative().describe("missing from the capture"),
  repeated_bytes: z.number().nonnegative().describe("retransmitted or captured twice"),
  mid_stream: z.boolean().describe("the capture began after the connection"),
  problems: z.array(z.string()),
});

export const traceTotals = z.strictObject({
  packets: z.number().int().nonnegative(),
  tcp_segments: z.number().int().nonnegative(),
  other_packets: z.number().int().nonnegative(),
  fragments: z.number().int().nonnegative().describe("of TCP packets; they are not put together"),
  malformed_packets: z.number().int().nonnegative(),
  unknown_link_packets: z.number().int().nonnegative(),
  cut_packets: z.number().int().nonnegative().describe("captured with a snapshot length below their own"),
  tls_connections: z.number().int().nonnegative(),
  other_connections: z.number().int().nonnegative(),
  refused: z.number().int().nonnegative(),
  told_early: z.number().int().nonnegative().describe("told before their end, because too many were open"),
  key_log_connections: z.number().int().nonnegative(),
});

/** The document that `trace --json` prints; docs/schemas/trace.schema.json is made from it. */
export const traceReport = z
  .strictObject({
    schema: z.literal("spire-keylime/trace/v1"),
    connections: z.array(tracedConnection),
    totals: traceTotals,
    problems: z.array(z.string()).describe("of the capture itself, with packet numbers"),
  })
  .describe("The TLS connections of a packet capture.");

export type TracedConnection = z.infer<typeof tracedConnection>;
export type TraceTotals = z.infer<typeof traceTotals>;
export type TraceReport = z.infer<typeof traceReport>;
export type TracedAlert = z.infer<typeof alert>;
export type TracedCertificate = z.infer<typeof certificate>;
