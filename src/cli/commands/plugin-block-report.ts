import * as z from "zod";

/** The document that `plugin block --json` prints; docs/schemas/plugin-block.schema.json is made from it. */
export const pluginBlockReport = z
  .strictObject({
    schema: z.literal("spire-keylime/plugin-block/v1"),
    half: z.enum(["server", "agent"]),
    executable: z.string().describe("absolute path of the plugin"),
    executable_sha256: z.string().describe("lower-case hex"),
    plugin_cmd: z.string(),
    plugin_args: z.array(z.string()),
    plugin_checksum: z.string().describe("SHA-256 of the file plugin_cmd names, lower-case hex"),
    is_executable: z.boolean().describe("false: SPIRE cannot start it before a chmod"),
    needs_path: z.boolean().describe("whether SPIRE's environment must have a PATH that finds Node"),
    hcl: z.string().describe("the whole block, as it is pasted into plugins { }"),
  })
  .describe("The NodeAttestor block of one half.");

export type PluginBlockReport = z.infer<typeof pluginBlockReport>;
