import { expect, it } from "vitest";
import { fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { builtExecutable } from "../support/built-executable.js";
import { runCommand } from "../support/run-command.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { capture } from "./support/captured.js";
import { startRealKeylime } from "./support/keylime.js";
import { describeWithPeers } from "./support/peers.js";
import { goPeer } from "./support/tls-peers.js";

describeWithPeers(["keylime_verifier"], "the field report's handshake through trace", () => {
  it("is told by its alert with a key log, and by what makes one likely without", async () => {
    await using files = await temporaryDirectory("report");
    const pki = await fieldReportPki();
    await files.write("ca.crt", pki.caCompleteChainPem);
    await files.write("foreign.crt", pki.cvCa.client.certPem);
    await files.write("foreign.key", pki.cvCa.client.keyPem);
    const go = await goPeer(files);
    const [file, keyLog] = [files.file("report.pcapng"), files.file("report.keys")];
    await using keylime = await startRealKeylime({ dir: files.file("keylime"), pki, registrar: false });
    const port = Number(new URL(keylime.verifierUrl).port);
    await capture(file, port, () => go.connect(port, "3", keyLog, ["foreign"]));

    const trace = (...args: string[]) => runCommand("node", [builtExecutable(), "trace", file, ...args]);
    const withKeys = await trace("--keylog", keyLog);
    expect(withKeys.code).toBe(1);
    expect(withKeys.stdout).toContain(
      "alert unknown_ca (48), sent by the verifier after the client's Finished: the verifier did not recognise",
    );
    expect(withKeys.stdout).toMatch(/client certificate {2}.*CN=client.*issued by .*CN=Keylime Certificate Authority/);
    expect(withKeys.stdout).toContain("points to ca-wrong");

    const without = await trace();
    expect(without.code).toBe(1);
    expect(without.stdout).toContain("refused (most likely)");
    expect(without.stdout).toContain(
      "alert encrypted record of an alert's length, number unknown, sent by the server after the client's Finished",
    );
    expect(without.stdout).toMatch(
      /likely: the client's Finished flight is .* so the client was asked and sent a certificate/,
    );
    expect(without.stdout).toMatch(
      /likely: the server's first and only record after that has 19 bytes, an alert's length/,
    );
  });
});
