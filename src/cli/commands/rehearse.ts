import { type Command, InvalidArgumentError, Option } from "commander";
import { parseDuration } from "../../core/duration.js";
import type { AddCommand } from "../command.js";

const examples = `
Examples:
  spire-keylime rehearse --server-config server.conf --agent-config agent.conf
  spire-keylime rehearse --server-config server.conf --agent-config agent.conf --count 100 --in-flight 8
  spire-keylime rehearse --server-plugin ./server-half --server-data server.hcl --agent-plugin ./agent-half --agent-data agent.hcl

Exit codes: 0 all attested, 1 an attestation failed, 2 wrong usage, 3 a plugin could not be started.
`;

export const addRehearse: AddCommand = (program, io, setExitCode) => {
  const command = program
    .command("rehearse")
    .description("attest once, or often, through a plugin pair as SPIRE would, without SPIRE");
  addHalfOptions(command, "server");
  addHalfOptions(command, "agent");
  command
    .option("--name <label>", "label of the plugin blocks; needed when a file has several external NodeAttestors")
    .option("--trust-domain <name>", "instead of the one in the configuration")
    .option("--expand-env", "replace $NAME in the configuration files, as SPIRE does with -expandEnv")
    .option("--count <number>", "how many attestations", wholeNumber(1, 100_000), 1)
    .option("--in-flight <number>", "how many of them at a time", wholeNumber(1, 1000), 1)
    .addOption(timeoutOption())
    .option("--json", "print one JSON document")
    .option("--verbose", "print every log line of the plugins, not only warnings and errors")
    .addHelpText("after", examples)
    .action(async (options) => {
      const { runRehearse } = await import("./rehearse-run.js");
      setExitCode(await runRehearse(options, io));
    });
};

function addHalfOptions(command: Command, half: "server" | "agent"): void {
  command
    .option(`--${half}-config <file>`, `SPIRE's ${half}.conf, which names the ${half} half and its plugin_data`)
    .option(`--${half}-plugin <command...>`, `another ${half} half: an executable and its arguments`)
    .option(`--${half}-data <file>`, `plugin_data for the ${half} half: what stands between its braces`);
}

function timeoutOption(): Option {
  const option = new Option("--timeout <duration>", "for one attestation, and for a plugin's start");
  return option.argParser(duration).default(60_000, "1m");
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}.`);
  };
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1 && ms <= 86_400_000) return ms;
  throw new InvalidArgumentError("expected a duration such as 30s or 1m30s, at most 24h.");
}
