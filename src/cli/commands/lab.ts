import type { AddCommand } from "../command.js";
import type { LabCommandOptions } from "./lab-run.js";

const examples = `
Examples:
  spire-keylime lab
  spire-keylime lab --real --keep

Exit codes: 0 every scene and criterion as it must be, 1 not so, 2 wrong usage, 3 the lab could not be set up.
`;

export const addLab: AddCommand = (program, io, setExitCode) => {
  const lab = program
    .command("lab")
    .description("the whole story on this machine: the failing handshake, the cure, rotation, the refused machine")
    .option("--real", "play on spire-server, spire-agent, keylime_verifier and keylime_registrar found on PATH")
    .option("--keep", "leave everything running afterwards, with a list of addresses, files and commands to try")
    .option(
      "--directory <dir>",
      "new or empty; where everything is written (default: a temporary one, removed afterwards)",
    )
    .option("--json", "print one JSON document (schema spire-keylime/lab/v1) instead of the story")
    .addHelpText("after", examples)
    .action(async (options: LabCommandOptions) => {
      const { runLab } = await import("./lab-run.js");
      setExitCode(await runLab(options, io));
    });
  lab
    .command("imitate-go-plugin", { hidden: true })
    .description("the plugin of the lab's second scene: behaves as the Go plugin's server half, for labs only")
    .action(async () => {
      const { runImitatedGoPlugin } = await import("../../lab/imitated-go-plugin.js");
      setExitCode(await runImitatedGoPlugin(io.env));
    });
};
