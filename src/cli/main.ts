import { Command, CommanderError } from "commander";
import { errorText, Problem, Problems } from "../core/problem.js";
import { commands } from "./commands/index.js";
import { exitCodes, type Io } from "./io.js";

const version = process.env.SPIRE_KEYLIME_VERSION ?? "development";

/** Runs one command line and returns the exit code; never throws. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = programFor(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    return reportError(error, io);
  }
}

function programFor(io: Io, setExitCode: (code: number) => void): Command {
  const program = new Command("spire-keylime")
    .description(
      "Lets SPIRE trust a machine because Keylime's TPM attestation says so, and says exactly why when it does not.",
    )
    .version(version, "-V, --version", "print the version")
    .showHelpAfterError("run with --help for the options and an example")
    .showSuggestionAfterError();
  for (const add of commands) add(program, io, setExitCode);
  quieten(program, io);
  return program;
}

/** Commander must neither exit nor write by itself; sub-commands do not inherit that from their parent. */
function quieten(command: Command, io: Io): void {
  command.exitOverride();
  command.configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) });
  for (const child of command.commands) quieten(child, io);
}

function reportError(error: unknown, io: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof Problems) {
    for (const problem of error.problems) writeProblem(problem, io);
    return exitCodes.couldNotCheck;
  }
  if (error instanceof Problem) {
    writeProblem(error, io);
    return error.culprit === "usage" ? exitCodes.usage : exitCodes.couldNotCheck;
  }
  io.err(`error: ${errorText(error)}\n`);
  return exitCodes.couldNotCheck;
}

function writeProblem(problem: Problem, io: Io): void {
  io.err(`error: ${problem.message} [${problem.code}]\n`);
  if (problem.hint !== undefined) io.err(`hint: ${problem.hint}\n`);
}
