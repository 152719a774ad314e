import * as z from "zod";

const certificate = z.strictObject({
  subject: z.string().describe("RFC 4514"),
  issuer: z.string(),
  serial: z.string().describe("lower-case hex"),
  sha256: z.string().describe("of the DER bytes, lower-case hex"),
  not_before: z.string().nullable().describe("ISO 8601"),
  not_after: z.string().nullable().describe("ISO 8601"),
  eku: z.array(z.string()).nullable().describe("null when the certificate has no such extension"),
  sans: z.array(z.string()),
});

const connection = z.strictObject({
  at: z.string().describe("ISO 8601"),
  remote_address: z.string().nullable(),
  remote_port: z.number().int().nullable(),
  outcome: z.enum(["completed", "refused", "abandoned"]).describe("of the handshake"),
  presented: z
    .enum(["certificate", "none", "not_reached"])
    .describe("none: the client answered the request with no certificate; not_reached: it left before it could answer"),
  client_certificates: z.array(certificate).describe("as sent, leaf first"),
  ca_names_requested: z.array(z.string()).describe("CAs that the request named; empty: any would do"),
  key_proven: z.boolean().nullable().describe("whether the client signed with the key of its leaf"),
  server_name: z.string().nullable(),
  alpn_offered: z.array(z.string()),
  looks_like: z.string().nullable().describe("the TLS library, by the shape of the ClientHello; null: unknown"),
  client_hello: z
    .strictObject({
      versions: z.array(z.string()),
      cipher_suites: z.array(z.string()),
      extensions: z.array(z.string()),
      groups: z.array(z.string()),
    })
    .nullable()
    .describe("in the order sent, GREASE left out"),
  version: z.string().nullable().describe("agreed on; null: the handshake did not come that far"),
  cipher_suite: z.string().nullable(),
  group: z.string().nullable(),
  server_certificates: z.array(certificate).describe("what the client was shown"),
  alert: z.strictObject({ number: z.number().int(), name: z.string(), from: z.enum(["client", "server"]) }).nullable(),
  finding: z
    .strictObject({
      id: z.string().describe("a fault id of the table, or a code of this command"),
      message: z.string(),
      hint: z.string().nullable(),
    })
    .nullable()
    .describe("what would stop this client at the real server, or did stop it here; null: nothing that shows here"),
  request: z.string().nullable().describe("method and path of the first request, without the query"),
  status: z.number().int().nullable().describe("HTTP status it was answered with"),
  answered_by: z.enum(["upstream", "intercept"]).nullable(),
  upstream_problem: z.string().nullable(),
});

/** The document that `intercept --json` prints per connection; docs/schemas/intercept.schema.json is made from it. */
export const interceptReport = z
  .strictObject({
    schema: z.literal("spire-keylime/intercept/v1"),
    listen: z.string(),
    to: z.string().nullable(),
    connections: z.array(connection),
  })
  .describe("What a client presented to a stand-in for its server.");

export type InterceptReport = z.infer<typeof interceptReport>;
export type InterceptedConnection = z.infer<typeof connection>;
export type InterceptedCertificate = z.infer<typeof certificate>;
