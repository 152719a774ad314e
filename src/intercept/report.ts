import type { X509Certificate } from "node:crypto";
import { clientVersions } from "../tls/messages/client-hello.js";
import { cipherSuites } from "../tls/tables/cipher-suites.js";
import { extensionTypes } from "../tls/tables/extension-types.js";
import { namedGroups } from "../tls/tables/named-groups.js";
import { protocolVersions } from "../tls/tables/protocol.js";
import { isGrease, type WireTable } from "../tls/tables/wire-table.js";
import { certificateFacts } from "../x509/certificate.js";
import { certificateReport } from "../x509/certificate-report.js";
import { helloFeatures, looksLike } from "./client-stack.js";
import { explainConnection } from "./explain-connection.js";
import type { ConnectionView } from "./finding.js";
import type { SeenConnection } from "./interceptor.js";
import type { InterceptedCertificate, InterceptedConnection } from "./report-schema.js";

export interface ReportView extends Omit<ConnectionView, "nowMs"> {
  /** The chain the client saw. */
  shown: readonly X509Certificate[];
}

/** One connection as it is printed. */
export function connectionReport(seen: SeenConnection, view: ReportView): InterceptedConnection {
  const { story, atMs, exchange } = seen;
  const { clientHello: hello, clientCertificates: presented, alert } = story;
  return {
    at: new Date(atMs).toISOString(),
    remote_address: story.remoteAddress ?? null,
    remote_port: story.remotePort ?? null,
    outcome: story.outcome,
    presented: presented === undefined ? "not_reached" : presented.length === 0 ? "none" : "certificate",
    client_certificates: (presented ?? []).map(reportOf),
    ca_names_requested: [...view.requestedNames],
    key_proven: story.isKeyProven ?? null,
    server_name: story.serverName ?? null,
    alpn_offered: story.offeredProtocols,
    looks_like: (hello && looksLike(hello)) ?? null,
    client_hello: helloReport(hello),
    version: story.version === undefined ? null : protocolVersions.name(story.version),
    cipher_suite: story.cipherSuite === undefined ? null : cipherSuites.name(story.cipherSuite),
    group: story.group === undefined ? null : namedGroups.name(story.group),
    server_certificates: view.shown.map(reportOf),
    alert: alert === undefined ? null : { number: alert.number, name: alert.name, from: alert.from },
    finding: explainConnection(seen, { ...view, nowMs: atMs }) ?? null,
    request: exchange?.request ?? null,
    status: exchange?.status ?? null,
    answered_by: exchange?.answeredBy ?? null,
    upstream_problem: exchange?.problem ?? null,
  };
}

function helloReport(hello: SeenConnection["story"]["clientHello"]): InterceptedConnection["client_hello"] {
  if (hello === undefined) return null;
  const features = helloFeatures(hello);
  return {
    versions: names(
      versionsOf(hello).filter((each) => !isGrease(each)),
      protocolVersions,
    ),
    cipher_suites: names(features.cipherSuites, cipherSuites),
    extensions: names(features.extensions, extensionTypes),
    groups: names(features.groups, namedGroups),
  };
}

function versionsOf(hello: NonNullable<SeenConnection["story"]["clientHello"]>): number[] {
  try {
    return clientVersions(hello);
  } catch {
    return [];
  }
}

const names = (numbers: readonly number[], table: WireTable): string[] => numbers.map((each) => table.name(each));

const reportOf = (certificate: X509Certificate): InterceptedCertificate =>
  certificateReport(certificateFacts(certificate));
