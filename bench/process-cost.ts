import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

/** What one run of a program took, all its threads together. */
export interface ProcessCost {
  cpuMs: number;
  elapsedMs: number;
  /** Highest resident memory. */
  peakMb: number;
}

/** Linux's USER_HZ, in which /proc counts processor time; the same on every architecture. */
const ticksPerSecond = 100;
const lookEveryMs = 10;

/** Runs a program to its end, output thrown away. /proc is read until the process is gone, so the last look is 10 ms old at most. */
export async function measureProcess(
  command: string,
  args: readonly string[],
  { exitCode = 0 }: { exitCode?: number } = {},
): Promise<ProcessCost> {
  const startedMs = performance.now();
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-2000);
  });
  const cost: ProcessCost = { cpuMs: 0, elapsedMs: 0, peakMb: 0 };
  const looks = setInterval(() => look(child.pid, cost), lookEveryMs);
  try {
    const [code] = await once(child, "close");
    if (code !== exitCode) throw new Error(`${command} ended with exit code ${code}: ${complaint}`);
  } finally {
    clearInterval(looks);
  }
  cost.elapsedMs = performance.now() - startedMs;
  return cost;
}

function look(pid: number | undefined, cost: ProcessCost): void {
  try {
    // Behind the name in brackets, which may hold spaces: utime and stime are the 12th and 13th field.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    cost.cpuMs = ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
    const peakKb = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    if (peakKb !== undefined) cost.peakMb = Number(peakKb) / 1024;
  } catch {
    // Gone between two looks.
  }
}
