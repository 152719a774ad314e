import { expect, it } from "vitest";
import { fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { serverConfigText } from "../../src/peers/real/spire-config.js";
import { spireHomeBelow, writeSpireConfig } from "../../src/peers/real/spire-process.js";
import { runCommand } from "../support/run-command.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { type PluginValues, pluginFileValues, writePluginFiles } from "./support/attesting-node.js";
import { describeWithPeers, peerPath } from "./support/peers.js";
import { ourPluginBlock } from "./support/plugin-under-test.js";

describeWithPeers(["spire-server"], "spire-server validate", () => {
  /** SPIRE asks plugins from 1.14 on; before that it only parses the file. */
  const asksPlugins = async (): Promise<boolean> => {
    const { stdout, stderr } = await runCommand(peerPath("spire-server"), ["--version"]);
    const [, major, minor] = /(\d+)\.(\d+)\.\d+/.exec(stdout + stderr) ?? [];
    return Number(major) > 1 || Number(minor) >= 14;
  };

  const validate = async (values: PluginValues) => {
    await using dir = await temporaryDirectory();
    await writePluginFiles(dir, await fieldReportPki());
    const home = spireHomeBelow(dir.path, "server");
    const nodeAttestorBlock = ourPluginBlock("server", { ...pluginFileValues(dir), ...values });
    const settings = { trustDomain: "example.org", port: 8081, agentTtl: "1h", moreServerOptions: "" };
    await writeSpireConfig(home, serverConfigText({ ...home, ...settings, nodeAttestorBlock }));
    const { code, stdout, stderr } = await runCommand(peerPath("spire-server"), [
      "validate",
      "-config",
      home.configFile,
    ]);
    // Its own log goes to stdout too.
    const told = stdout.split("\n").filter((line) => !line.startsWith("{"));
    return { code, stdout: told.join("\n").trim(), stderr: stderr.replaceAll(dir.path, "DIR").split(/\s*\n\s*/) };
  };
  const valid = { code: 0, stdout: "SPIRE server configuration file is valid.", stderr: [""] };

  it("takes a right plugin_data without a note", async () => {
    expect(await validate({})).toEqual(valid);
  });

  it("refuses a wrong one with every problem, a line each", async () => {
    const answer = await validate({ keylime_tls_cert_file: "/nonexistent/plugin.crt", keylime_verifier_hots: "y" });
    if (!(await asksPlugins())) return void expect(answer).toEqual(valid);
    expect(answer).toEqual({
      code: 1,
      stdout: "",
      stderr: [
        "SPIRE server configuration file is invalid.",
        "Validation errors:",
        'NodeAttestor "keylime":',
        '[plugin-unknown-key] unknown key "keylime_verifier_hots" in the server plugin\'s plugin_data; did you mean keylime_verifier_host?',
        '[plugin-missing-file] cannot load client certificate "/nonexistent/plugin.crt" (keylime_tls_cert_file): "/nonexistent" does not exist; create it, or correct keylime_tls_cert_file',
        "",
      ],
    });
  });
});
