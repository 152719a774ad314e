import type { AddCommand } from "../command.js";
import type { LabCommandOptions } from "./lab-run.js";

export const addLab: AddCommand = (program, io, setExitCode) => {
  const lab = program
    .command("lab")
    .description("the whole story on this machine: the failing handshake, the cure, rotation, the refused machine")
    .option("--keep", "leave everything running afterwards, with a list of addresses, files and commands to try")
    .option("--directory <dir>", "where certificates and configuration are written", "a new temporary directory")
    .option("--json", "print one JSON document (schema spire-keylime/lab/v1) instead of the story")
    .addHelpText("after", "\nExample:\n  spire-keylime lab --keep\n")
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
