import type { Io } from "../cli/io.js";

const wrongUsage = 2;

/** Who reads stdout went away (`| head`), which is no fault of ours. */
let isReaderGone = false;

async function main(argv: readonly string[]): Promise<number> {
  // SPIRE starts the plugin at every start of its own, so that path loads nothing of the command line.
  if (argv.length === 2 && argv[0] === "plugin" && argv[1] === "server") {
    return (await import("../plugin/server/main.js")).runServerPlugin();
  }
  if (argv.length === 2 && argv[0] === "plugin" && argv[1] === "agent") {
    return (await import("../plugin/agent/main.js")).runAgentPlugin();
  }
  const exitCode = await (await import("../cli/main.js")).runCli(argv, processIo());
  if (exitCode === wrongUsage) explainToHost(argv);
  return exitCode;
}

/** SPIRE logs as an error only what begins so, and says of such a start that nothing was read from the plugin's stdout. */
function explainToHost(argv: readonly string[]): void {
  if (process.env.NodeAttestor !== "NodeAttestor") return;
  const found = argv.length === 0 ? "no plugin_args" : `plugin_args ${JSON.stringify(argv).slice(0, 200)}`;
  process.stderr.write(
    `[ERROR] [plugin-args] cannot serve SPIRE: it was started with ${found}; set plugin_args = ["plugin", "server"] in server.conf, ["plugin", "agent"] in agent.conf\n`,
  );
}

function processIo(): Io {
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupt.abort(signal));
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && !isReaderGone) process.exit(3);
    isReaderGone = true;
    // As Ctrl-C does it, so that nothing stays behind of what a command started.
    interrupt.abort("EPIPE");
  });
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    colour: process.stdout.isTTY === true && !process.env.NO_COLOR,
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    ask: process.stdin.isTTY && process.stderr.isTTY ? (question) => ask(question, interrupt.signal) : undefined,
    env: process.env,
    interrupted: interrupt.signal,
  };
}

/** Anything but yes is no, and so is Ctrl-C. */
async function ask(question: string, signal: AbortSignal): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  lines.once("SIGINT", () => lines.close());
  const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `, { signal }), closed]);
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    return false;
  } finally {
    lines.close();
  }
}

main(process.argv.slice(2)).then(
  (result) => {
    const exitCode = isReaderGone ? 0 : result;
    process.exitCode = exitCode;
    // Pipes are flushed before the exit; what else is still open must not keep a finished command alive.
    process.stdout.write("", () => process.stderr.write("", () => process.exit(exitCode)));
  },
  (error: unknown) => {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(3);
  },
);
