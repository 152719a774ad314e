import { delimiter, join } from "node:path";
import { expect, it } from "vitest";
import { startLab } from "../support/lab-process.js";
import { runPastedCommands } from "../support/pasted-commands.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import { describeWithPeers, type PeerName, peersDirectory } from "./support/peers.js";

const everyPeer: PeerName[] = ["spire-server", "spire-agent", "keylime_verifier", "keylime_registrar"];
const onPath = { PATH: join(peersDirectory(), "bin") + delimiter + process.env.PATH };

describeWithPeers(everyPeer, "lab --real", () => {
  it("plays every scene on the real programs, meets five of five criteria, and can be kept and tried", async () => {
    await using directory = await temporaryDirectory();
    await using lab = await startLab(["--real", "--json", "--keep", "--directory", directory.path], onPath);
    await lab.printed(" rehearse ");
    const report = lab.report();
    expect(report.scenes.map(({ as_expected, outcome }) => [as_expected, outcome])).toEqual([
      [true, "the verifier accepted the machine's quote: state 5, PASS, rounds completed: 1"],
      [true, "refused, as in the field report: remote error: tls: unknown certificate authority"],
      [true, expect.stringMatching(/^attested as spiffe:\/\/funlab\.casa\/spire\/agent\/keylime\/[0-9a-f-]{36}$/)],
      [
        true,
        expect.stringMatching(/^attested again as spiffe:\/\/funlab\.casa\/spire\/agent\/keylime\/[0-9a-f-]{36}$/),
      ],
      [true, "refused: PERMISSION_DENIED"],
    ]);
    expect(report.criteria.filter(({ met }) => met)).toHaveLength(5);
    expect(report.ok).toBe(true);
    expect(report.parts.filter(({ kind }) => kind === "embedded").map(({ name }) => name)).toEqual([
      "the report's Go plugin",
      "Keylime agent",
      "TPM",
    ]);
    const [failure] = report.scenes[1]!.events.filter((event) => event.type === "log" && event.level === "warn");
    expect(failure).toMatchObject({
      source: "spire-agent",
      text: expect.stringMatching(
        /nodeattestor\(keylime\): unable to contact Keylime verifier at (https:\S+): Get "\1": remote error: tls: unknown certificate authority retry_interval=\d+$/,
      ),
    });
    expect(report.scenes[3]?.why).toMatch(
      /^the verifier's log: Authorization GRANTED: identity=renewed\.verifier\.keylime\.funlab\.casa, .*; the plugin is still process \d+$/,
    );

    expect(await runPastedCommands(lab.child.stderr())).toEqual({
      "SPIRE's agent list": "No attested agents found\n",
      "SPIRE's entries": expect.stringContaining("spiffe://funlab.casa/web"),
      "the SPIRE agent once more (it ends refused, as long as the machine's state is)":
        expect.stringContaining("[agent-failed]"),
      "the machine at the verifier": expect.stringContaining('"operational_state": 9'),
      "the machine at the registrar": expect.stringContaining('"aik_tpm"'),
      "the failing handshake, with OpenSSL in the Go plugin's place": expect.stringContaining("SSL alert number 48"),
      "the same handshake message by message, and what the server makes of it":
        expect.stringContaining("[plugin-default-cert]"),
      "one attestation message by message (refused, as long as the machine's state is)":
        expect.stringContaining("[agent-failed]"),
      "what keeps the node from attesting, and what to do about it": expect.stringContaining(
        "keylime_tenant -c reactivate -u",
      ),
    });
    expect(await lab.descendants()).not.toEqual([]);
    process.kill(lab.child.pid, "SIGTERM");
    expect(await lab.child.exited).toEqual({ code: 0, signal: null });
    expect(await lab.descendants()).toEqual([]);
  });

  it.each([
    ["SIGINT", "takes some seconds"],
    ["SIGTERM", "2. The field report's"],
    ["SIGHUP", "4. The certificate"],
  ] as const)("leaves nothing behind after %s at %j", async (signal, at) => {
    await using lab = await startLab(["--real"], onPath);
    await lab.printed(at);
    await until(async () => (await lab.descendants()).length > 0, { what: "the lab to have started a program" });
    process.kill(lab.child.pid, signal);
    expect(await lab.child.exited).toEqual({ code: 3, signal: null });
    expect(lab.child.stderr()).toBe("interrupted: everything the lab started has been stopped\n");
    expect(await lab.descendants()).toEqual([]);
    expect(await lab.temporaryFiles()).toEqual([]);
  });

  it("leaves nothing behind when Ctrl-C is pressed again and again", async () => {
    await using lab = await startLab(["--real"], onPath);
    await lab.printed("3. The same file");
    const exit = await until(() => lab.child.exit ?? (process.kill(lab.child.pid, "SIGINT") && undefined), {
      what: "the lab to end",
      timeoutMs: 30_000,
    });
    expect(exit).toEqual({ code: 3, signal: null });
    expect(await lab.descendants()).toEqual([]);
    expect(await lab.temporaryFiles()).toEqual([]);
  });

  it("refuses a directory whose path leaves no room for SPIRE's sockets, before it starts anything", async () => {
    await using directory = await temporaryDirectory();
    await using lab = await startLab(["--real", "--directory", directory.file("d".repeat(100))], onPath);
    expect(await lab.child.exited).toEqual({ code: 2, signal: null });
    expect(lab.child.stderr()).toContain(
      "more than 107 bytes [lab-directory]\nhint: name a --directory with a shorter path\n",
    );
  });

  it("shows the end of a program's own log when that program does not start", async () => {
    await using bin = await temporaryDirectory();
    await bin.write("keylime_verifier", "#!/bin/sh\necho no such module: gpg >&2\nexit 7\n", 0o755);
    await using lab = await startLab(["--real"], { PATH: bin.path + delimiter + onPath.PATH });
    expect(await lab.child.exited).toEqual({ code: 3, signal: null });
    expect(lab.child.stderr()).toBe(
      "error: keylime_verifier ended with 7 at its start:\nno such module: gpg [peer-start]\n",
    );
    expect(await lab.descendants()).toEqual([]);
    expect(await lab.temporaryFiles()).toEqual([]);
  });
});
