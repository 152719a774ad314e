import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { startChild } from "../../support/child.js";
import { freePort } from "../../support/free-port.js";
import { until } from "../../support/until.js";

/**
 * Captures one port of lo into a file (pcapng, or classic pcap with `-P` in `options`) while `run` runs. Needs root or
 * the right to capture. The last connection in the file is a marker that says nothing.
 */
export async function capture(
  file: string,
  port: number,
  run: () => Promise<void>,
  options: readonly string[] = [],
): Promise<void> {
  const args = ["-q", "-i", "lo", "-f", `tcp port ${port}`, "-w", file, ...options];
  await using dumpcap = await startChild({ command: "dumpcap", args });
  await until(() => /File:/.test(dumpcap.output()), {
    what: "dumpcap to capture",
    timeoutMs: 30_000,
    evidence: () => dumpcap.output(),
  });
  await run();
  // dumpcap reads the kernel's buffer in turns: a last connection that it has seen proves that all before it are there.
  const markers: Buffer[] = [];
  const seesMarker = async (): Promise<boolean> => {
    markers.push(await mark(port));
    const bytes = await readFile(file);
    return markers.some((marker) => bytes.includes(marker));
  };
  await until(seesMarker, { what: "the marker connection in the capture", timeoutMs: 30_000 });
  await dumpcap.stop();
}

/** Connects and says nothing; answers both ports as they stand in the SYN's TCP header. */
async function mark(port: number): Promise<Buffer> {
  const marker = await freePort();
  const socket = connect({ host: "127.0.0.1", port, localPort: marker });
  await Promise.race([once(socket, "connect"), once(socket, "error")]).catch(() => {});
  socket.on("error", () => {}).destroy();
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(marker, 0);
  ports.writeUInt16BE(port, 2);
  return ports;
}
