import { Argument } from "commander";
import type { AddCommand } from "../command.js";

/** `plugin server` and `plugin agent` themselves are run by `bin/` without the command line; here they only explain themselves. */
export const addPlugin: AddCommand = (program, io, setExitCode) => {
  const plugin = program.command("plugin").description("the SPIRE NodeAttestor pair, and the HCL that configures it");
  for (const half of ["server", "agent"] as const) {
    plugin
      .command(half)
      .description(`the ${half} half; SPIRE starts it: plugin_cmd = this file, plugin_args = ["plugin", "${half}"]`)
      .addHelpText(
        "after",
        `\nExample:\n  spire-keylime plugin block ${half}   # prints what belongs into ${half}.conf\n`,
      );
  }
  plugin
    .command("block")
    .description("print the NodeAttestor block for server.conf or agent.conf, with the checksum of this executable")
    .addArgument(new Argument("<half>", "which configuration file it is for").choices(["server", "agent"]))
    .option("--executable <file>", "the executable as SPIRE will see it, instead of this one")
    .option("--node", "start it through this Node by absolute path, for services whose environment has no PATH")
    .option("--json", "print one JSON document (schema spire-keylime/plugin-block/v1) instead of HCL")
    .addHelpText(
      "after",
      "\nExample:\n  spire-keylime plugin block server   # paste it into plugins { } of server.conf\n",
    )
    .action(async (half: "server" | "agent", options: { executable?: string; node?: boolean; json?: boolean }) => {
      const { runPluginBlock } = await import("./plugin-block.js");
      setExitCode(await runPluginBlock({ half, ...options }, io));
    });
};
