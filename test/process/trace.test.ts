import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { traceReport } from "../../src/trace/report-schema.js";
import { builtExecutable } from "../support/built-executable.js";
import { runCommand } from "../support/run-command.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";

const capture = fileURLToPath(new URL("../captures/openssl-client-certificates.pcapng", import.meta.url));
const summary = "83 packets, 6 TLS connections, 4 refused, 0 others\n";
const trace = (...args: string[]) => runCommand("node", [builtExecutable(), "trace", ...args], { timeoutMs: 30_000 });

describe("trace", () => {
  it("tells every connection of a file and exits 1 because some were refused", async () => {
    const { code, stdout, stderr } = await trace(capture);
    expect([code, stderr]).toEqual([1, ""]);
    expect(stdout.match(/^#\d+ .* {2}(\w+)$/gm)?.map((line) => line.split("  ").at(-1))).toEqual([
      ...["accepted", "refused", "refused"],
      ...["accepted", "refused", "refused"],
    ]);
    expect(stdout.endsWith(summary)).toBe(true);
  });

  it("prints one document of the published schema with --json, and nothing else", async () => {
    const { code, stdout, stderr } = await trace("--json", capture);
    expect([code, stderr]).toEqual([1, ""]);
    expect(traceReport.parse(JSON.parse(stdout)).totals.refused).toBe(4);
  });

  it("draws the ladders in one file with --html", async () => {
    await using files = await temporaryDirectory("trace");
    expect((await trace("--html", files.file("report.html"), capture)).code).toBe(1);
    const html = await files.read("report.html");
    expect(html.match(/ id="c\d"/g)).toHaveLength(6);
    expect(html.match(/<summary>\d+ messages</g)).toHaveLength(html.match(/class="accepted"/g)!.length);
    const listed = [...html.matchAll(/<li><a href="#(c\d)">[^<]*<\/a> ([^<]*)<\/li>/g)];
    expect(listed).toHaveLength(4);
    for (const [, id] of listed) expect(html).toMatch(new RegExp(`id="${id}"><h2>[^<]*<span class="refused">`));
    expect(listed.map(([, , why]) => why)).toContainEqual(expect.stringMatching(/^unknown_ca \(48\), sent by .*; /));
    expect(html).not.toMatch(/<script|src=|href="http/);
  });

  it("has an example in its help", async () => {
    const { code, stdout } = await trace("--help");
    expect(code).toBe(0);
    expect(stdout).toContain("tcpdump -i any -U -w - port 8881 | spire-keylime trace - --follow");
  });

  it.each([
    [["--bogus", capture], /^error: unknown option '--bogus'\n/],
    [["--port", "0", capture], /a number from 1 to 65535 expected/],
    [["--host", "verifier", capture], /not an IP address \[usage\]\nhint: /],
    [["/no/such/file"], /^error: cannot read capture "\/no\/such\/file": ENOENT.* \[capture-missing\]\n$/],
    [["/tmp"], /^error: cannot read capture "\/tmp": it is a directory \[capture-missing\]\n$/],
    [["/dev/null"], /^error: cannot read the capture: the file ends after 0 bytes \[capture-malformed\]\n$/],
    [["--keylog", "/no/such/keys", capture], /^error: cannot read key log "\/no\/such\/keys"/],
  ] as const)("refuses %j as wrong usage", async (args, message) => {
    const { code, stdout, stderr } = await trace(...args);
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: "", stderr: expect.stringMatching(message) });
  });
});

describe("trace -", () => {
  it("prints connections with --follow as they end, and ends well at Ctrl-C while the pipe stays open", async () => {
    const child = spawn("node", [builtExecutable(), "trace", "-", "--follow"]);
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const exited = once(child, "exit");
    child.stdin.write(await readFile(capture));
    await until(() => output.match(/^#\d/gm)?.length === 6, { what: "six connections", timeoutMs: 20_000 });
    expect(output).not.toContain(summary);
    child.kill("SIGINT");
    expect(await exited).toEqual([1, null]);
    expect(output.endsWith(summary)).toBe(true);
  });

  it("ends without complaint when nobody reads its output any more", async () => {
    const command = `cat "$0" "$0" | node "$1" trace --full - | head -1; echo "\${PIPESTATUS[1]}"`;
    const { stdout, stderr } = await runCommand("bash", ["-c", command, capture, builtExecutable()]);
    expect(stdout).toMatch(/^#1 .*accepted\n\d+\n$/);
    expect(stderr).toBe("");
  });
});
