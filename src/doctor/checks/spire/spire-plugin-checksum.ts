import type { ExecutableFile, PluginFacts } from "../../facts/spire/spire-facts.js";
import { defineCheck, type Finding, foundOrClear } from "../check.js";
import { pluginsOf } from "./plugins.js";

export const spirePluginChecksum = defineCheck({
  id: "spire-plugin-checksum",
  family: "spire",
  title: "plugin_checksum is that of the executable",
  judge(facts) {
    const plugins = pluginsOf(facts);
    const summed = plugins.flatMap(summedFiles);
    if (summed.length === 0) {
      const reason =
        plugins.length === 0 ? "no block of Keylime's plugin was found" : "no plugin_checksum is configured";
      return { is: "skipped", reason };
    }
    const findings = summed.flatMap(judgeSum);
    const [unread] = summed.flatMap(({ plugin }) => (plugin.executable.known ? [] : [plugin.executable]));
    if (findings.length === 0 && unread !== undefined) {
      return { is: "unknown", reason: `cannot read ${unread.source}: ${unread.reason}` };
    }
    const equal = summed.flatMap(({ file, actual }) => (actual === undefined ? [] : [`${file} has SHA-256 ${actual}`]));
    return foundOrClear(findings, equal.join("; "));
  },
});

interface SummedFile {
  plugin: PluginFacts;
  /** Where the sum stands. */
  key: "plugin_checksum" | "plugin_args";
  expected: string;
  file: string;
  actual: string | undefined;
}

/** SPIRE compares the executable's sum; the form of `plugin block --node` compares that of its script as well. */
function summedFiles(plugin: PluginFacts): SummedFile[] {
  const { checksum, executable, command, args } = plugin;
  const file = executable.known && executable.value.is === "file" ? executable.value : undefined;
  const own: SummedFile[] =
    checksum === undefined || checksum.value === ""
      ? []
      : [
          {
            plugin,
            key: "plugin_checksum",
            expected: checksum.value,
            file: file?.path ?? command.value,
            actual: file?.sha256,
          },
        ];
  return [...own, ...scriptSum(plugin, file, args)];
}

function scriptSum(plugin: PluginFacts, file: ExecutableFile | undefined, args: readonly string[]): SummedFile[] {
  const { script, scriptSha256 } = file ?? {};
  const expected = script === undefined ? undefined : args[args.indexOf(script) + 1];
  if (script === undefined || scriptSha256 === undefined || !/^[0-9a-f]{64}$/i.test(expected ?? "")) return [];
  return [{ plugin, key: "plugin_args", expected: expected!, file: script, actual: scriptSha256 }];
}

function judgeSum({ plugin, key, expected, file, actual }: SummedFile): Finding[] {
  const isSum = /^[0-9a-f]{64}$/i.test(expected);
  if (isSum && (actual === undefined || actual === expected.toLowerCase())) return [];
  const { half, checksum, at } = plugin;
  const what = isSum ? `is not the SHA-256 of ${file}` : "is no SHA-256: 64 hex digits";
  return [
    {
      severity: "error",
      stopsAttestation: true,
      summary: `${key} of the ${half} plugin ${what}`,
      evidence: [
        { text: `${key}: ${expected}`, ...(key === "plugin_checksum" ? checksum!.at : at) },
        ...(actual === undefined ? [] : [{ text: `${file}: ${actual}`, file }]),
      ],
      fix: {
        action: `if ${file} is the build that you mean to run, set ${key} to its sum and restart the SPIRE ${half}`,
        commands: [`sha256sum ${file}`],
      },
    },
  ];
}
