import { type Command, InvalidArgumentError, Option } from "commander";
import { parseDuration } from "../../core/duration.js";
import { nearestName } from "../../core/nearest.js";
import { type FaultId, faults } from "../../faults/faults.js";
import type { AddCommand } from "../command.js";
import { addOutputs } from "./doctor-outputs-options.js";

const examples = `
Examples:
  spire-keylime doctor
  spire-keylime doctor --server-config /etc/spire/server.conf --as-user spire
  spire-keylime doctor --root ./copy-of-the-machine --offline
  spire-keylime doctor --json --fail-on warning
  spire-keylime doctor --html report.html --junit report.xml
  spire-keylime doctor --explain plugin-unknown-key
  spire-keylime doctor --fix
  spire-keylime doctor --matrix

Exit codes: 0 nothing found, 1 findings at or above --fail-on, 2 wrong usage, 3 nothing could be checked.
`;

export const addDoctor: AddCommand = (program, io, setExitCode) => {
  const command = program
    .command("doctor")
    .description("read every configuration and certificate on the path, probe it live, name the cause and the fix");
  addSources(command);
  addScope(command);
  addOutputs(command);
  command
    .option("--json", "print one JSON document (schema spire-keylime/doctor/v1)")
    .option("--explain-handshake", "tell the reasoning about plugin and verifier even when their handshake is well")
    .option("--verbose", "list the checks that do not apply, and all the evidence")
    .addOption(
      new Option("--fail-on <severity>", "findings from this severity on make the exit code 1")
        .choices(["error", "warning", "info"])
        .default("error"),
    )
    .option("--fix", "show what would be changed in configuration files and rights, ask, change it, and examine again")
    .option("--yes", "with --fix: change it without asking")
    .addOption(new Option("--list-checks", "print every check and end").conflicts("json"))
    .addOption(
      new Option("--explain <id>", "print what a fault is, how to see it and how to mend it, and end")
        .argParser(faultId)
        .conflicts("json"),
    )
    .addOption(
      new Option("--matrix [verifier]", "start throw-away verifiers and print what each makes of which certificate")
        .choices(["auto", "embedded", "real"])
        .preset("auto"),
    )
    .addHelpText("after", examples)
    .action(async (options) => {
      if (options.matrix !== undefined) {
        const { runDoctorMatrix } = await import("./doctor-matrix-run.js");
        setExitCode(await runDoctorMatrix(options, io));
        return;
      }
      const { runDoctor } = await import("./doctor-run.js");
      setExitCode(await runDoctor(options, io));
    });
};

function addSources(command: Command): void {
  command
    .option("--server-config <file>", "SPIRE's server.conf; looked for otherwise")
    .option("--agent-config <file>", "SPIRE's agent.conf; looked for otherwise")
    .option("--verifier-config <file>", "Keylime's verifier.conf, in place of where the verifier looks")
    .option("--registrar-config <file>", "Keylime's registrar.conf")
    .option("--tenant-config <file>", "Keylime's tenant.conf")
    .option("--keylime-agent-config <file>", "the Keylime agent's agent.conf")
    .option("--name <label>", "label of the plugin blocks, when it is not evident which one is Keylime's")
    .option("--expand-env", "replace $NAME in SPIRE's files, as SPIRE does with -expandEnv");
}

function addScope(command: Command): void {
  command
    .option("--root <dir>", "examine the copy of a machine: every absolute path lies below this directory")
    .option("--offline", "read files only, make no connection")
    .option(
      "--rehearse",
      "start the configured Go plugin, unprivileged as this is, to see which certificate it presents",
    )
    .option("--as-user <user>", "judge what this user may read, in place of the user that runs the service")
    .option("--only <ids>", "run these checks only, separated by commas", faultIds)
    .option("--skip <ids>", "leave these checks out", faultIds)
    .addOption(
      new Option("--timeout <duration>", "for each step over the network").argParser(duration).default(1500, "1.5s"),
    );
}

function faultIds(text: string): FaultId[] {
  return text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "")
    .map(faultId);
}

function faultId(text: string): FaultId {
  if (Object.hasOwn(faults, text)) return text as FaultId;
  const nearest = nearestName(text, Object.keys(faults));
  const hint = nearest === undefined ? "--list-checks prints them" : `did you mean ${nearest}?`;
  throw new InvalidArgumentError(`${JSON.stringify(text)} is no check: ${hint}`);
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1 && ms <= 600_000) return ms;
  throw new InvalidArgumentError("expected a duration such as 500ms or 5s, at most 10m.");
}
