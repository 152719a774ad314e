/** What Keylime 7.14.3 lists at /version (`keylime/api_version.py`), oldest first. */
export const keylimeVersions: readonly string[] = ["1.0", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "3.0"];

export interface VersionSet {
  /** As /version lists them. */
  all: readonly string[];
  /** The newest 2.x: what Keylime calls the current one. */
  current: string;
  /** The 2.x ones, which are served; `2` alone stands for any of them. */
  served: readonly string[];
}

/** Throws when no 2.x version is among them. */
export function versionSet(all: readonly string[] = keylimeVersions): VersionSet {
  const served = all.filter((version) => version.startsWith("2."));
  const current = [...served].sort((a, b) => minor(a) - minor(b)).at(-1);
  if (current === undefined) throw new Error(`no 2.x version among ${all.join(", ")}`);
  return { all, current, served: ["2", ...served] };
}

/** Whether the version (`2.4`) has what came with another one of 2.x. */
export function isAtLeast(version: string, wanted: string): boolean {
  return minor(version) >= minor(wanted);
}

export function versionResults({ all, current }: VersionSet): {
  current_version: string;
  supported_versions: readonly string[];
} {
  return { current_version: current, supported_versions: all };
}

function minor(version: string): number {
  return Number(version.split(".")[1] ?? 0);
}
