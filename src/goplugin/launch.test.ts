import { afterEach, describe, expect, it } from "vitest";
import { launchGoPlugin } from "./launch.js";

const left: number[] = [];

afterEach(() => {
  for (const pid of left.splice(0)) process.kill(pid, "SIGKILL");
});

/** Runs a shell as the plugin; it leaves a process behind that holds both its pipes. */
function launchLeaver(ending: string) {
  return launchGoPlugin({
    command: "/bin/sh",
    args: ["-c", `sleep 60 & echo "left $!" >&2; ${ending}`],
    cookie: { key: "NodeAttestor", value: "NodeAttestor" },
    timeoutMs: 20_000,
    onLog: ({ message }) => {
      const pid = /^left (\d+)$/.exec(message)?.[1];
      if (pid !== undefined) left.push(Number(pid));
    },
  });
}

describe("launchGoPlugin", () => {
  it("names the exit code of a plugin that leaves a process with its pipes behind, long before the time limit", async () => {
    const startMs = performance.now();
    await expect(launchLeaver("exit 3")).rejects.toThrow(
      'cannot start plugin "/bin/sh": it exited before the handshake (exit code 3)',
    );
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(left).toHaveLength(1);
  });

  it("names the signal that ended such a plugin", async () => {
    await expect(launchLeaver("kill -9 $$")).rejects.toThrow("it exited before the handshake (SIGKILL)");
    expect(left).toHaveLength(1);
  });
});
