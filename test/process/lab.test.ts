import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import type { LabReport } from "../../src/lab/report-schema.js";
import { builtExecutable } from "../support/built-executable.js";
import { startLab } from "../support/lab-process.js";
import { runPastedCommands } from "../support/pasted-commands.js";
import { runCommand } from "../support/run-command.js";
import { temporaryDirectory } from "../support/temporary-directory.js";

const titles = [
  "One machine under Keylime's care",
  "The field report's configuration fails",
  "The same file with this plugin: the node attests",
  "The certificate is renewed while everything runs",
  "The machine changes, and is refused",
];
const interrupted = "interrupted: everything the lab started has been stopped\n";

/** All events of a scene (counted from 1) of one type. */
function eventsOf<T extends LabReport["scenes"][number]["events"][number]["type"]>(
  report: LabReport,
  scene: number,
  type: T,
) {
  return report.scenes[scene - 1]!.events.filter((event) => event.type === type) as Extract<
    LabReport["scenes"][number]["events"][number],
    { type: T }
  >[];
}

/** How often each scene tells that the plugin admitted the node. */
const attested = (report: LabReport) =>
  titles.map((_, at) => eventsOf(report, at + 1, "log").filter(({ text }) => text.startsWith("Node attested")).length);

describe("lab --json", () => {
  it("plays every scene as it must be and meets five of five criteria in well under a minute", async () => {
    await using lab = await startLab(["--json"]);
    expect({ ...(await lab.child.exited), stderr: lab.child.stderr() }).toEqual({ code: 0, signal: null, stderr: "" });
    const report = lab.report();
    expect(report.scenes.map(({ title, as_expected }) => [title, as_expected])).toEqual(
      titles.map((title) => [title, true]),
    );
    expect(report.criteria.filter(({ met }) => met)).toHaveLength(5);
    expect(report.ok).toBe(true);
    expect(report.elapsed_ms).toBeLessThan(45_000);
    expect(report.parts.filter(({ kind }) => kind === "real").map(({ name }) => name)).toEqual([
      "plugin, both halves",
      "TLS on every leg",
    ]);

    expect(eventsOf(report, 2, "log").find(({ level }) => level === "error")?.text).toMatch(
      /nodeattestor\(keylime\): unable to contact Keylime verifier at (https:\S+): Get "\1": remote error: tls: unknown certificate authority$/,
    );
    const [handshake] = eventsOf(report, 2, "handshake");
    expect(handshake?.messages.filter(({ decisive }) => decisive)).toEqual([
      {
        from: "client",
        name: "certificate",
        certificates: [expect.objectContaining({ subject: expect.stringContaining("CN=server"), serial: "02" })],
        decisive: true,
      },
      { from: "server", name: "alert", detail: "unknown_ca (48)", decisive: true },
    ]);
    const renewed = /serial (\w+)$/.exec(eventsOf(report, 4, "step")[0]!.text)?.[1];
    const [presented] = eventsOf(report, 4, "handshake")[0]!.messages.flatMap(({ certificates = [] }) => certificates);
    expect(presented?.serial).toBe(renewed);
    expect(attested(report)).toEqual([0, 0, 1, 1, 0]);
    expect(report.scenes[4]?.outcome).toBe("refused: PERMISSION_DENIED");
    expect(await lab.temporaryFiles()).toEqual([]);
    expect(await lab.descendants()).toEqual([]);
  });
});

describe("lab as text", () => {
  it("can be read in 120 columns, says which ports were taken, and ends with the criteria", async () => {
    await using _taken = await listenOn([8081, 8881, 8890, 8891, 9002]);
    await using lab = await startLab([]);
    expect({ ...(await lab.child.exited), stderr: lab.child.stderr() }).toEqual({ code: 0, signal: null, stderr: "" });
    const text = lab.child.stdout();
    const lines = text.split("\n");
    expect(lines.filter((line) => /^\d\. /.test(line))).toEqual(titles.map((title, at) => `${at + 1}. ${title}`));
    expect(lines.filter((line) => line.startsWith("Note: "))).toEqual([
      expect.stringMatching(/^Note: port 8881 is in use on this machine: the verifier listens on \d+$/),
      expect.stringMatching(/^Note: port 8890 is in use on this machine: the registrar's plain HTTP listens on \d+$/),
      expect.stringMatching(/^Note: port 8891 is in use on this machine: the registrar listens on \d+$/),
      expect.stringMatching(/^Note: port 9002 is in use on this machine: the Keylime agent listens on \d+$/),
    ]);
    expect(text).toContain("remote error: tls: unknown certificate authority\n");
    expect(text).toContain("◀── alert: unknown_ca (48)\n");
    expect(text).not.toContain("✗");
    expect(lines.filter((line) => line.length > 120 && !line.includes(", error]"))).toEqual([]);
    expect(lines.slice(-2)).toEqual(["5 of 5 success criteria met", ""]);
  });
});

describe("an interrupted lab", () => {
  it.each([
    ["SIGINT", "paths are shown from there", "itself"],
    ["SIGINT", "2. The field report's", "its group, as a terminal does"],
    ["SIGTERM", "3. The same file", "itself"],
    ["SIGHUP", "4. The certificate", "itself"],
    ["SIGINT", "5. The machine", "itself"],
  ] as const)("leaves nothing behind after %s at %j to %s", async (signal, at, whom) => {
    await using lab = await startLab([]);
    await lab.printed(at);
    if (whom === "itself") process.kill(lab.child.pid, signal);
    else lab.child.signalGroup(signal);
    expect({ ...(await lab.child.exited), stderr: lab.child.stderr() }).toEqual({
      code: 3,
      signal: null,
      stderr: interrupted,
    });
    expect(await lab.descendants()).toEqual([]);
    expect(await lab.temporaryFiles()).toEqual([]);
  });
});

describe("a lab whose reader goes away", () => {
  it("ends like an interrupted one and leaves nothing behind", async () => {
    await using directory = await temporaryDirectory();
    const script = 'set -o pipefail; "$0" "$1" lab | head -1';
    const run = await runCommand("bash", ["-c", script, process.execPath, builtExecutable()], {
      env: { TMPDIR: directory.path },
    });
    expect(run).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^A field report: .*\n$/),
      stderr: interrupted,
    });
    expect(await readdir(directory.path)).toEqual([]);
  });
});

describe("lab --keep", () => {
  it("runs on until Ctrl-C, and what it prints works when pasted", async () => {
    await using directory = await temporaryDirectory("it's");
    await using lab = await startLab(["--keep", "--directory", directory.path]);
    await lab.printed("Ctrl-C ends it");
    await lab.printed(" rehearse ");
    expect(await lab.descendants()).toEqual([
      expect.stringContaining("plugin agent"),
      expect.stringContaining("plugin server"),
    ]);
    const answers = await runPastedCommands(lab.child.stderr());
    expect(answers).toEqual({
      "the machine at the verifier": expect.stringContaining('"operational_state":9'),
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
    process.kill(lab.child.pid, "SIGINT");
    expect(await lab.child.exited).toEqual({ code: 0, signal: null });
    expect(await lab.descendants()).toEqual([]);
    expect(await directory.read("etc/spire/server.conf")).toContain("keylime_tls_client_cert_file");
  });
});

describe("a lab that cannot be set up", () => {
  it("refuses a directory that is not empty", async () => {
    await using directory = await temporaryDirectory();
    await directory.write("mine", "");
    await using lab = await startLab(["--directory", directory.path]);
    expect({ ...(await lab.child.exited), stderr: lab.child.stderr() }).toEqual({
      code: 2,
      signal: null,
      stderr: `error: cannot set up a lab in ${directory.path}: the directory is not empty [lab-directory]\nhint: name a new or empty directory\n`,
    });
  });

  it.each([
    ["/proc/lab", "ENOENT: no such file or directory, mkdir '/proc/lab'"],
    ["/etc/passwd/lab", "ENOTDIR: not a directory, mkdir '/etc/passwd/lab'"],
  ])("says why nothing can be set up in %s", async (directory, why) => {
    await using lab = await startLab(["--directory", directory]);
    expect({ ...(await lab.child.exited), stderr: lab.child.stderr() }).toEqual({
      code: 2,
      signal: null,
      stderr: `error: cannot set up a lab in ${directory}: ${why} [lab-directory]\nhint: name a new or empty directory\n`,
    });
  });

  it.each([[["--real"]], [["--real", "--json"]]])("%j names every program that is not on PATH", async (args) => {
    await using lab = await startLab(args, { PATH: "" });
    expect({ ...(await lab.child.exited), output: lab.child.output() }).toEqual({
      code: 3,
      signal: null,
      output: expect.stringMatching(
        /^error: cannot play on real programs: spire-server, spire-agent, keylime_verifier, keylime_registrar are not on PATH \[lab-programs-missing\]\nhint: /,
      ),
    });
    expect(await lab.temporaryFiles()).toEqual([]);
  });
});

/** Takes the ports that are free; those of somebody else are taken anyway. */
async function listenOn(ports: readonly number[]): Promise<AsyncDisposable> {
  const servers = ports.map((port) => createServer().listen(port, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening").catch(() => {})));
  return {
    async [Symbol.asyncDispose]() {
      for (const server of servers) server.close();
    },
  };
}
