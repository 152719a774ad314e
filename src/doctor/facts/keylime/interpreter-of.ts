/**
 * The interpreter that a script's first lines name: a path, or the name that `env` looks up. pip writes paths that are too
 * long for the kernel into a shell's `exec` (`'''exec' "/path/python" "$0" "$@"`).
 */
export function interpreterOf(script: string): string | undefined {
  const [first = "", second = ""] = script.split("\n", 2);
  const words = /^#!\s*(.+)$/.exec(first.trimEnd())?.[1]?.split(/\s+/);
  if (words === undefined) return undefined;
  const [program = "", ...rest] = words;
  if (program.endsWith("/env")) return rest.find((each) => !each.startsWith("-") && !each.includes("="));
  if (!program.endsWith("/sh")) return program;
  return /^'''exec' (?:"([^"]+)"|(\S+))/.exec(second)?.slice(1).find(Boolean);
}
