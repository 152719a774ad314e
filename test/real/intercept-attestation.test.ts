import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { interceptReport } from "../../src/intercept/report-schema.js";
import { pluginData } from "../../src/peers/real/spire-config.js";
import { startExecutable } from "../process/run-executable.js";
import { builtExecutable } from "../support/built-executable.js";
import { freePort } from "../support/free-port.js";
import { runCommand } from "../support/run-command.js";
import { until } from "../support/until.js";
import {
  type AttestingNode,
  agentPluginData,
  type PluginValues,
  serverPluginData,
  startAttestingNode,
} from "./support/attesting-node.js";
import { capture } from "./support/captured.js";
import { describeWithPeers } from "./support/peers.js";
import { tsharkStreams } from "./support/tshark.js";

const sha256 = (hex: string) => createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex");

/** One attestation of the built pair, which asks at the port for its verifier: the SPIFFE ID, or all that was printed. */
async function rehearseThrough(node: AttestingNode, port: number, presented: PluginValues) {
  const { dir } = node;
  const server = { ...serverPluginData(dir, node.keylime), keylime_verifier_port: String(port), ...presented };
  const serverData = await dir.write("server.hcl", pluginData(server));
  const agentData = await dir.write("agent.hcl", pluginData(agentPluginData(dir, node.keylimeAgent)));
  const half = (name: string, data: string) => [
    ...[`--${name}-plugin`, builtExecutable(), "plugin", name],
    ...[`--${name}-data`, data],
  ];
  const rehearsal = [...half("server", serverData), ...half("agent", agentData), "--trust-domain", "example.org"];
  const { code, stdout, stderr } = await runCommand("node", [builtExecutable(), "rehearse", ...rehearsal, "--json"], {
    timeoutMs: 90_000,
  });
  return { code, told: code === 0 ? JSON.parse(stdout).spiffe_id : `${stdout}${stderr}` };
}

/** The built `intercept` in front of the node's verifier, with every document it printed. */
async function interceptBefore(node: AttestingNode, port: number, ...more: string[]) {
  const { dir, pki } = node;
  const shown = [await dir.write("v.crt", pki.verifier.chainPem), await dir.write("v.key", pki.verifier.keyPem)];
  const child = startExecutable(
    [
      ...["intercept", "--listen", `127.0.0.1:${port}`, "--cert", shown[0]!, "--key", shown[1]!, "--json"],
      ...["--to", new URL(node.keylime.verifierUrl).host, "--upstream-ca", dir.file("ca-complete-chain.crt")],
      ...["--upstream-cert", dir.file("plugin.crt"), "--upstream-key", dir.file("plugin.key"), ...more],
    ],
    { timeoutMs: 120_000 },
  );
  await until(() => child.err().includes("listening on"), { what: "intercept", evidence: child.err });
  return async () => {
    child.kill("SIGINT");
    const { code, out, err } = await child.ended;
    expect({ code, out: out !== "" }, err).toEqual({ code: 0, out: true });
    return out
      .trimEnd()
      .split("\n")
      .map((line) => interceptReport.parse(JSON.parse(line)).connections[0]!);
  };
}

describeWithPeers(["keylime_verifier", "keylime_registrar"], "intercept between plugin pair and verifier", () => {
  it("lets the attestation go on, and its key log opens the capture of it for tshark", async () => {
    await using node = await startAttestingNode();
    const [port, file, keys] = [await freePort(), node.dir.file("leg.pcapng"), node.dir.file("leg.keys")];
    const ended = await interceptBefore(node, port, "--keylog", keys);
    await capture(file, port, async () => {
      expect(await rehearseThrough(node, port, {})).toEqual({ code: 0, told: node.spiffeId });
    });
    const told = (await ended()).filter(({ presented }) => presented === "certificate");
    expect(told.length).toBeGreaterThan(0);
    for (const connection of told) {
      expect(connection).toMatchObject({
        key_proven: true,
        looks_like: "Node.js (OpenSSL)",
        status: 200,
        answered_by: "upstream",
        finding: null,
      });
    }
    const streams = await tsharkStreams(file, port, keys);
    for (const { remote_port: clientPort, client_certificates, server_certificates } of told) {
      const { certificates } = streams.get(clientPort!)!;
      const seen = (fromPort: number) =>
        certificates.filter((each) => each.fromPort === fromPort).flatMap(({ der }) => der.map(sha256));
      expect(seen(clientPort!)).toEqual(client_certificates.map((each) => each.sha256));
      expect(seen(port)).toEqual(server_certificates.map((each) => each.sha256));
    }
    const opened = ["-r", file, "-o", `tls.keylog_file:${keys}`, "-d", `tcp.port==${port},tls`];
    const uris = await runCommand(
      "tshark",
      [...opened, "-Y", "http.request", "-T", "fields", "-e", "http.request.uri"],
      {
        timeoutMs: 60_000,
      },
    );
    expect(uris.stdout).toContain(`/agents/${node.agentId}\n`);
    expect([...(await tsharkStreams(file, port)).values()].flatMap(({ certificates }) => certificates)).toEqual([]);
    expect(readFileSync(keys, "latin1")).toMatch(/^CLIENT_TRAFFIC_SECRET_0 /m);
  });

  it("names the certificate that the field report's plugin presents, while the attestation goes on with another", async () => {
    await using node = await startAttestingNode();
    const { dir, pki } = node;
    const port = await freePort();
    const presented = {
      keylime_tls_client_cert_file: await dir.write("server-cert.crt", pki.cvCa.client.certPem),
      keylime_tls_client_key_file: await dir.write("server-private.pem", pki.cvCa.client.keyPem),
      keylime_registrar_tls_cert_file: dir.file("plugin.crt"),
      keylime_registrar_tls_key_file: dir.file("plugin.key"),
    };
    const verifierPort = Number(new URL(node.keylime.verifierUrl).port);
    expect(await rehearseThrough(node, verifierPort, presented)).toMatchObject({
      code: 1,
      told: expect.stringContaining("unknown_ca, 48"),
    });
    const ended = await interceptBefore(node, port, "--client-ca", dir.file("ca-complete-chain.crt"));
    expect(await rehearseThrough(node, port, presented)).toEqual({ code: 0, told: node.spiffeId });
    const told = (await ended()).find((connection) => connection.presented === "certificate")!;
    expect(told.client_certificates[0]).toMatchObject({
      subject: expect.stringContaining("CN=client"),
      issuer: expect.stringContaining("CN=Keylime Certificate Authority"),
    });
    expect(told.finding).toMatchObject({
      id: "plugin-default-cert",
      message: expect.stringContaining("unknown_ca (48)"),
    });
  });
});
