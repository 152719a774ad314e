import { expect, it } from "vitest";
import { startMisbehavingServer } from "../../../../test/fakes/misbehaving-server.js";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.js";
import { diagnose } from "../../diagnose.js";

it("makes no connection with --offline, and comes to an end without it when every peer says nothing", async () => {
  await using peer = await startMisbehavingServer({ onRequest: () => {} });
  await using root = await temporaryDirectory();
  const data = ["verifier", "registrar"].map((each) => `keylime_${each}_port = "${peer.port}"`).join("\n");
  const block = `plugin_cmd = "/x"\nplugin_args = ["plugin", "server"]\nplugin_data {\n${data}\n}`;
  await root.write(
    "etc/spire/server.conf",
    `server { trust_domain = "a.b" }\nplugins { NodeAttestor "keylime" {\n${block}\n} }\n`,
  );
  const options = { root: root.path, only: [], skip: [], timeoutMs: 600, nowMs: Date.now() };
  const offline = await diagnose({ ...options, offline: true });
  expect(offline.facts.endpoints.known).toBe(false);
  expect(peer.connections).toBe(0);

  const live = await diagnose({ ...options, offline: false });
  expect(peer.connections).toBeGreaterThan(0);
  const verdicts = live.results.filter(({ check: { id } }) => id === "verifier-not-tls" || id === "agent-not-enrolled");
  expect(verdicts.map(({ outcome }) => outcome.is)).toEqual(["unknown", "unknown"]);
});
