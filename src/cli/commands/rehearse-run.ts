import type { PluginLogRecord } from "../../goplugin/hclog-record.js";
import { plain } from "../../rehearse/message.js";
import { planRehearsal } from "../../rehearse/plan.js";
import { rehearse } from "../../rehearse/rehearse.js";
import { reportOf } from "../../rehearse/report.js";
import { exitCodes, type Io } from "../io.js";
import { rehearsalText } from "../render/rehearsal.js";
import { styleFor } from "../render/style.js";

export interface RehearseCommandOptions {
  serverConfig?: string;
  agentConfig?: string;
  serverPlugin?: string[];
  agentPlugin?: string[];
  serverData?: string;
  agentData?: string;
  name?: string;
  trustDomain?: string;
  expandEnv?: boolean;
  count: number;
  inFlight: number;
  timeout: number;
  json?: boolean;
  verbose?: boolean;
}

/** @returns the exit code; what could not be started is thrown as a Problem */
export async function runRehearse(options: RehearseCommandOptions, io: Io): Promise<number> {
  const { server, agent, trustDomain, warnings } = await planRehearsal({
    server: source(options.serverConfig, options.serverPlugin, options.serverData),
    agent: source(options.agentConfig, options.agentPlugin, options.agentData),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.trustDomain === undefined ? {} : { trustDomain: options.trustDomain }),
    ...(options.expandEnv ? { expandEnv: io.env } : {}),
  });
  const progress = progressOf(options.count, io);
  const { count, inFlight, timeout: timeoutMs } = options;
  const order = { server, agent, trustDomain, count, inFlight, timeoutMs };
  const rehearsal = await rehearse({
    ...order,
    startTimeoutMs: timeoutMs,
    signal: io.interrupted,
    onLog: (half, record) => {
      if (options.verbose || record.level === "warn" || record.level === "error") {
        progress.clear();
        io.err(`${logLine(half, record)}\n`);
      }
    },
    onProgress: progress.show,
  });
  progress.clear();
  const report = reportOf(rehearsal, order, warnings);
  io.out(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : rehearsalText(report, styleFor(io)));
  const isComplete = report.attested === report.requested;
  return isComplete ? exitCodes.ok : exitCodes.findings;
}

function source(config?: string, plugin?: string[], data?: string) {
  return {
    ...(config === undefined ? {} : { config }),
    ...(plugin === undefined ? {} : { plugin }),
    ...(data === undefined ? {} : { data }),
  };
}

/** A record as one line that cannot forge another; fields in the form SPIRE's own text log has. */
function logLine(half: string, { level, message, fields }: PluginLogRecord): string {
  const told = Object.entries(fields)
    .filter(([key]) => !key.startsWith("@"))
    .map(([key, value]) => ` ${plain(key)}=${JSON.stringify(value)}`);
  return `${half} plugin: ${level}: ${plainLine(message)}${told.join("")}`;
}

const plainLine = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]/gu, " ");

interface Progress {
  show: (done: number, failed: number) => void;
  clear: () => void;
}

const progressIntervalMs = 200;

/** One line on a terminal that is written over, for runs long enough to wonder about. */
function progressOf(count: number, io: Io): Progress {
  if (!process.stderr.isTTY || count < 10) return { show: () => {}, clear: () => {} };
  let shownAtMs = performance.now();
  let isShown = false;
  return {
    show: (done, failed) => {
      if (performance.now() - shownAtMs < progressIntervalMs) return;
      shownAtMs = performance.now();
      isShown = true;
      io.err(`\r\u001b[K${done} of ${count}${failed === 0 ? "" : `, ${failed} failed`}`);
    },
    clear: () => {
      if (isShown) io.err("\r\u001b[K");
      isShown = false;
    },
  };
}
