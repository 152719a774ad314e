import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { createBundleDirectory } from "../process/bundle-plugin.js";
import { freePort } from "../support/free-port.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import { startAttestingNode } from "./support/attesting-node.js";
import { describeWithPeers } from "./support/peers.js";
import { startSpireServer } from "./support/spire.js";

describeWithPeers(
  ["spire-server", "spire-agent", "keylime_verifier", "keylime_registrar"],
  "SPIRE's own telemetry",
  () => {
    it("tells how many attestations there were, how long they took and how they ended", async () => {
      const port = await freePort();
      const telemetry = `telemetry { Prometheus { host = "127.0.0.1" port = ${port} } }`;
      await using node = await startAttestingNode();
      const server = await node.startSpireServer({}, { moreBlocks: telemetry });
      await node.startSpireAgent(server);
      const counted = async () => {
        const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
        return text.split("\n").filter((line) => /_attest_count\{.*outcome=/.test(line));
      };
      const lines = await until(async () => (await counted()).length > 0 && (await counted()), {
        what: "the plugin's metric",
        evidence: server.log,
      });
      expect(lines).toEqual([expect.stringMatching(/^spire_server_.*attest_count\{.*outcome="admitted".*\} 1$/)]);
    });
  },
);

describeWithPeers(["spire-server"], "a plugin of another type, written with spire-keylime/plugin-sdk", () => {
  it("is loaded, configured, called and unloaded by spire-server", async () => {
    await using bundles = await createBundleDirectory();
    await using dir = await temporaryDirectory();
    const file = fileURLToPath(new URL("./support/notifier-plugin.ts", import.meta.url));
    const command = await bundles.bundle("notifier", { file });
    const notifier = `Notifier "ts" {\n plugin_cmd = ${JSON.stringify(command)}\n plugin_data { word = "sesame" }\n}`;
    await using server = await startSpireServer({
      dir: dir.path,
      nodeAttestorBlock: `NodeAttestor "join_token" {\n plugin_data {}\n}\n${notifier}`,
    });
    await server.stop();
    const told = server.logEntries().filter((entry) => entry.plugin_name === "ts");
    expect(told.filter(({ level }) => level === "error" || level === "warning")).toEqual([
      expect.objectContaining({ msg: "Plugin checksum not configured" }),
    ]);
    expect(told.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(["Configured for example.org", "Bundle loaded", "Unloaded"]),
    );
  });
});
