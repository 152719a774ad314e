import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import type { TracedConnection } from "../../src/trace/report-schema.js";
import { startChild } from "../support/child.js";
import { freePort } from "../support/free-port.js";
import { runCommand } from "../support/run-command.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import { capture } from "./support/captured.js";
import { type PeerStack, peerNames, type TlsMinor, type TlsPeer, tlsPeers } from "./support/tls-peers.js";
import { expectAgreement } from "./support/trace-agreement.js";

// Captures are made on lo, which needs root or the right to capture; tshark is the oracle.

const dayMs = 86_400_000;
const presented = ["none", "plugin", "foreign", "expired", "serverOnly", "wrongKey", "distrust"] as const;

let files: TemporaryDirectory;
let peers: Record<PeerStack, TlsPeer>;

beforeAll(async () => {
  files = await temporaryDirectory("trace");
  const pki = await fieldReportPki();
  const expired = await pki.issue({
    commonName: "old",
    eku: ["clientAuth"],
    notBefore: new Date(0),
    notAfter: new Date(Date.now() - dayMs),
  });
  const serverOnly = await pki.issue({ commonName: "server only", eku: ["serverAuth"] });
  const pairs = { server: pki.verifier, plugin: pki.plugin, foreign: pki.cvCa.client, expired, serverOnly };
  for (const [name, { chainPem, keyPem }] of Object.entries(pairs)) {
    await files.write(`${name}.crt`, chainPem);
    await files.write(`${name}.key`, keyPem);
  }
  await files.write("ca.crt", pki.caCompleteChainPem);
  await files.write("other-ca.crt", pki.cvCa.ca.certPem);
  peers = await tlsPeers(files);
});
afterAll(() => files[Symbol.asyncDispose]());

/** What each client of a stack presents, in the order of the connections. */
const namesOf = (stack: PeerStack) =>
  presented.filter((name) => {
    if (name === "wrongKey") return peers[stack].takesWrongKey;
    // Node judges the server after the handshake and says nothing about it.
    return name !== "distrust" || clientAlerts[stack] !== undefined;
  });

/** Every client against one server, all in one capture. */
async function captureAll(server: PeerStack, version: TlsMinor): Promise<{ file: string; keyLog: string }> {
  const [port, file, keyLog] = [
    await freePort(),
    files.file(`${server}-${version}.pcapng`),
    files.file(`${server}-${version}.keys`),
  ];
  await using running = await startChild(peers[server].server(port, version, keyLog));
  await until(async () => (await runCommand("bash", ["-c", `exec 3<>/dev/tcp/127.0.0.1/${port}`])).code === 0, {
    what: `the server of ${server} to listen`,
    timeoutMs: 30_000,
    evidence: () => running.output(),
  });
  await capture(file, port, async () => {
    for (const client of peerNames) await peers[client].connect(port, version, keyLog, namesOf(client));
  });
  return { file, keyLog };
}

const told = ({ outcome, outcome_inferred, alert, fault }: TracedConnection) => {
  const words = `${outcome}${outcome_inferred ? " (inferred)" : ""}`;
  return outcome === "refused" ? `${words}: ${alert?.from} ${alert?.name}, ${fault?.id ?? "no fault"}` : words;
};

type Presented = (typeof presented)[number];

/** The alert with which a server of each stack refuses; Node's closes without one when the chain does not verify. */
const alertOf: Record<PeerStack, Record<Exclude<Presented, "plugin" | "distrust">, string | undefined>> = {
  openssl: {
    none: "certificate_required",
    foreign: "unknown_ca",
    expired: "certificate_expired",
    serverOnly: "unsupported_certificate",
    wrongKey: "decrypt_error",
  },
  get python() {
    return this.openssl;
  },
  get go() {
    return { ...this.openssl, serverOnly: "bad_certificate" };
  },
  get node() {
    return { ...this.openssl, foreign: undefined, expired: undefined, serverOnly: undefined };
  },
  java: {
    none: "bad_certificate",
    foreign: "certificate_unknown",
    expired: "certificate_unknown",
    serverOnly: "certificate_unknown",
    wrongKey: "handshake_failure",
  },
};

/** The alert with which a client of each stack refuses a server; Node's says nothing. */
const clientAlerts = {
  openssl: "unknown_ca",
  python: "unknown_ca",
  go: "bad_certificate",
  java: "certificate_unknown",
  node: undefined,
} as const;

const faultOf = {
  none: "client-cert-not-sent",
  foreign: "ca-wrong",
  expired: "cert-expired",
  serverOnly: "cert-no-client-auth",
  wrongKey: "key-mismatch",
} as const;

function expectedStory(server: PeerStack, version: TlsMinor, client: PeerStack, name: Presented): string {
  // Two JVMs leave no keys: what shows is that there was an alert, and an empty certificate list by its length.
  const isClosed = version === "3" && server === "java" && client === "java";
  if (name === "plugin") return isClosed ? "accepted (inferred)" : "accepted";
  if (name === "distrust")
    return isClosed ? "refused (inferred): client null, no fault" : `refused: client ${clientAlerts[client]}, ca-wrong`;
  if (isClosed) {
    return `refused (inferred): server null, ${name === "none" ? "client-cert-not-sent" : "no fault"}`;
  }
  // Before TLS 1.3 there was no certificate_required.
  const isOld = version === "2" && name === "none" && server !== "java";
  const alert = isOld ? "handshake_failure" : alertOf[server][name];
  return alert === undefined ? "abandoned" : `refused: server ${alert}, ${faultOf[name]}`;
}

describe.each(peerNames)("trace and tshark agree on a server of %s", (server) => {
  it.each(["2", "3"] as const)("over TLS 1.%s, whatever the clients of five stacks present", async (version) => {
    const { file, keyLog } = await captureAll(server, version);
    // Alerts behind TLS 1.2's ChangeCipherSpec are the one thing tshark opens with a key log and trace does not.
    const connections = await expectAgreement(file, version === "3" ? keyLog : undefined);
    expect(connections.map(({ version: spoken }) => spoken)).toEqual(connections.map(() => `TLS 1.${version}`));
    const asked = peerNames.flatMap((client) => namesOf(client).map((name) => ({ client, name })));
    expect(connections.map((connection, i) => `${asked[i]?.client} ${asked[i]?.name}: ${told(connection)}`)).toEqual(
      asked.map(({ client, name }) => `${client} ${name}: ${expectedStory(server, version, client, name)}`),
    );
    await expectAgreement(file);
  });
});
