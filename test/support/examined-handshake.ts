import type { Outcome } from "../../src/doctor/checks/check.js";
import { checks } from "../../src/doctor/checks/index.js";
import { known, unknown } from "../../src/doctor/facts/fact.js";
import type { Facts } from "../../src/doctor/facts/facts.js";
import type { PluginKind } from "../../src/doctor/facts/spire/spire-facts.js";
import type { Examined } from "../../src/doctor/reasoning/judgement.js";
import type { FaultId } from "../../src/faults/faults.js";

/** What came of one connection to the verifier. */
export interface SeenConnection {
  /** The file that was presented; absent: none. */
  presented?: string;
  outcome: "accepted" | "refused" | "unknown";
  alert?: { number: number; name: string };
  status?: number;
  /** CA names of the CertificateRequest; null: no certificate was asked for. */
  asked?: string[] | null;
}

export interface ExaminedHandshake {
  kind?: PluginKind;
  /** Whether keylime_tls_cert_file is written. */
  isDefault?: boolean;
  verifiesServer?: boolean;
  /** The leaf's extended key usage; "unread": the file could not be read. */
  eku?: string[] | "unread";
  connections?: SeenConnection[];
  outcomes?: Partial<Record<FaultId, Outcome>>;
  more?: Partial<Facts>;
}

const file = "/etc/spire/server.conf";
const presentedFile = "/etc/plugin.crt";

/** The facts that reasoning about plugin and verifier looks at, and what checks made of them. */
export function examinedHandshake({ outcomes = {}, ...given }: ExaminedHandshake = {}): Examined {
  const results = Object.entries(outcomes).map(([id, outcome]) => ({ check: checks[id as FaultId]!, outcome }));
  return { facts: factsOf(given), results };
}

/** The same where no configuration of the plugin was found. */
export function withoutPlugin(): Examined {
  return examinedHandshake({ more: { spireServer: unknown("no server.conf", "the usual places") } });
}

function factsOf({ kind = "ours", isDefault = false, eku, more, ...given }: ExaminedHandshake): Facts {
  const { verifiesServer = true, connections = [] } = given;
  const setting = (key: string, path: string, line: number) =>
    isDefault ? { key, path, isDefault } : { key, path, isDefault, at: { file, line, column: 5 } };
  const certFile = setting("keylime_tls_cert_file", presentedFile, 4);
  const caFile = setting("keylime_tls_ca_cert_file", "/etc/ca.crt", 6);
  const server = { verifiesServer, tls: { certFile, caFile } };
  const plugin = { kind, kindBecause: `it is ${kind}`, data: known({ server }, file) };
  const certificates = [{ facts: { subject: "CN=plugin", issuer: "CN=ca", serial: "01", sha256: "ab", eku } }];
  return {
    scope: { root: undefined, isOffline: false },
    spireServer: known({ is: "parsed", plugin }, file),
    files: [
      {
        path: presentedFile,
        uses: [{ ...certFile, reader: "server-plugin" }],
        content:
          eku === "unread" ? unknown("permission denied", presentedFile) : known({ certificates }, presentedFile),
      },
    ],
    endpoints: known([{ role: "verifier", host: "10.0.0.7", port: 8881, connections: connections.map(seen) }], "probe"),
    keylime: { verifier: unknown("no verifier.conf", "/etc/keylime"), agent: unknown("no agent.conf", "/etc/keylime") },
    rehearsal: unknown("not started", "rehearsal"),
    ...more,
  } as unknown as Facts;
}

function seen({ presented, outcome, alert, status, asked = [] }: SeenConnection) {
  return {
    presented: presented === undefined ? undefined : { name: presented, label: "configured" },
    probed: {
      outcome,
      alert: alert === undefined ? null : { ...alert, from: "server" },
      http: status === undefined ? null : { status, path: "/v2.2/agents" },
      certificate_request: asked === null ? null : { ca_names: asked },
      client_certificates: presented === undefined || asked === null ? [] : [{}],
    },
  };
}
