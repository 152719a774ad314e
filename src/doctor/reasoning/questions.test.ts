import { describe, expect, it } from "vitest";
import { type ExaminedHandshake, examinedHandshake, withoutPlugin } from "../../../test/support/examined-handshake.js";
import type { Outcome } from "../checks/check.js";
import { known } from "../facts/fact.js";
import { questions } from "./questions.js";

/** Answer and reasons of one question. */
function told(id: string, given: ExaminedHandshake): [string, ...string[]] {
  const { verdict, because } = questions(examinedHandshake(given)).find((each) => each.id === id)!;
  return [verdict, ...because.map(({ text }) => text)];
}

const setting = 'keylime_tls_cert_file = "/etc/plugin.crt"';
const leaf = "/etc/plugin.crt holds CN=plugin, issued by CN=ca";

it("three questions are asked of every set-up, and what was not read is open", () => {
  expect(questions(withoutPlugin()).map(({ id, verdict, because }) => [id, verdict, because[0]!.text])).toEqual([
    ["plugin-takes-client-certificate", "unknown", "no server.conf with Keylime's plugin was read"],
    ["verifier-requires-client-certificate", "unknown", expect.stringMatching(/^it asks every client for one/)],
    ["enable-agent-mtls-turns-client-certificates-off", "refuted", expect.stringMatching(/^enable_agent_mtls governs/)],
  ]);
});

describe("does the plugin take a client certificate", () => {
  const id = "plugin-takes-client-certificate";
  const presented = { subject: "CN=shown", issuer: "CN=ca", serial: "02", sha256: "cd" };
  const rehearsed = (chain: object[]) => ({ rehearsal: known({ command: "./plugin", presented: chain }, "rehearsal") });
  const more = (chain: object[]) => rehearsed(chain) as never;

  it("is answered by the plugin's kind, with the file and what is in it", () => {
    const takes = "it is go: it takes keylime_tls_cert_file and keylime_tls_key_file";
    expect(told(id, { kind: "go" })).toEqual(["confirmed", takes, setting, leaf]);
  });

  it("is open for an executable that is neither, until it was started and seen", () => {
    expect(told(id, { kind: "unknown" })).toEqual(["unknown", "it is unknown", setting, leaf]);
    const shown = "./plugin, started here, presents CN=shown, issued by CN=ca";
    expect(told(id, { kind: "unknown", more: more([presented]) })).toEqual([
      "confirmed",
      "it is unknown",
      setting,
      leaf,
      shown,
    ]);
  });

  it("says of a plugin that was started and presented nothing that it did", () => {
    expect(told(id, { kind: "go", more: more([]) }).at(-1)).toBe("./plugin, started here, presents no certificate");
  });

  it("names the keys that the plugin ignores, where they stop attestation", () => {
    const finding = { severity: "error", evidence: [], fix: { action: "" } } as const;
    const outcome: Outcome = {
      is: "found",
      findings: [
        { ...finding, stopsAttestation: true, summary: "keylime_tls_client_cert_file is ignored" },
        { ...finding, stopsAttestation: false, summary: "comment is ignored" },
      ],
    };
    expect(told(id, { kind: "go", outcomes: { "plugin-unknown-key": outcome } }).slice(1, 4)).toEqual([
      "it is go: it takes keylime_tls_cert_file and keylime_tls_key_file",
      "keylime_tls_client_cert_file is ignored [plugin-unknown-key]",
      setting,
    ]);
  });
});

describe("does the verifier require a client certificate", () => {
  const id = "verifier-requires-client-certificate";
  const without = (more: object) => ({ connections: [{ outcome: "accepted" as const, ...more }] });
  const live = "10.0.0.7:8881, without a certificate";

  it.each([
    ["admin routes that answer 403", { status: 403 }, "confirmed", "HTTP 403"],
    ["a handshake that it refuses", { outcome: "refused" as const }, "confirmed", "refused without an alert"],
    ["an answer without any", { status: 200 }, "unknown", "HTTP 200"],
    ["no request for one", { status: 200, asked: null }, "refuted", "HTTP 200"],
  ])("is answered by %s", (_, seen, verdict, result) => {
    expect(told(id, without(seen)).slice(0, 2)).toEqual([verdict, `${live} ${result}`]);
  });

  it("names the CAs that it asks for, and says that it names none", () => {
    expect(told(id, without({ status: 403, asked: ["CN=a", "CN=b"] }))[2]).toBe(
      "it asks for a client certificate, naming CN=a; CN=b",
    );
    expect(told(id, without({ status: 403 }))[2]).toBe("it asks for a client certificate, naming no CA");
    expect(told(id, without({ status: 200, asked: null }))[2]).toBe("it asks for no client certificate");
  });

  it("is open when it was only seen with a certificate", () => {
    const presented = { presented: "/etc/plugin.crt", outcome: "accepted" as const };
    const [verdict, ...because] = told(id, { connections: [presented] });
    expect([verdict, because.at(-1)]).toEqual(["unknown", "the verifier was not asked"]);
  });

  it("says why it was not asked", () => {
    const outcomes = { "verifier-unreachable": { is: "skipped", reason: "--offline" } } as const;
    expect(told(id, { outcomes }).at(-1)).toBe("--offline");
  });
});

it("that it asks for a certificate is told beside the rule about enable_agent_mtls", () => {
  const id = "enable-agent-mtls-turns-client-certificates-off";
  const seen = { connections: [{ outcome: "accepted" as const, status: 403 }] };
  expect(told(id, seen)).toEqual([
    "refuted",
    expect.stringMatching(/^enable_agent_mtls governs only the verifier's own connections/),
    "10.0.0.7:8881 asks for a client certificate",
  ]);
  expect(told(id, { connections: [{ outcome: "accepted", asked: null }] })).toHaveLength(2);
});
