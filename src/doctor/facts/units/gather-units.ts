import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { errorText } from "../../../core/problem.js";
import { shownCommand, shownValue } from "../processes/hidden-values.js";
import { type ServiceName, serviceOf } from "../processes/program.js";
import { parseEnvironmentFile, parseUnit, splitWords, type UnitAssignment } from "./parse-unit.js";

export interface UnitSetting {
  value: string;
  /** As the machine names it, without `--root`. */
  file: string;
  line: number;
}

/** How systemd starts a service, drop-ins applied. */
export interface UnitFacts {
  service: ServiceName;
  unit: string;
  /** Files in the order they count, the unit first. */
  files: readonly string[];
  /** Undefined: root, or the user of the manager. */
  user: UnitSetting | undefined;
  group: UnitSetting | undefined;
  supplementaryGroups: readonly string[];
  workingDirectory: UnitSetting | undefined;
  command: readonly string[];
  /** KEYLIME_* only; from Environment= and from the files of EnvironmentFile=, which win. */
  environment: Readonly<Record<string, UnitSetting>>;
  /** What could not be read, and why. */
  problems: readonly string[];
}

/** Highest priority first (systemd.unit(5)). */
const directories = [
  "/etc/systemd/system",
  "/run/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];
const mostUnits = 1000;

/** The units that start one of the services, by their command; a unit of a higher directory hides the lower ones. */
export async function gatherUnits(root: string): Promise<UnitFacts[]> {
  const paths = new Map<string, string>();
  for (const directory of directories) {
    for (const name of await namesIn(join(root, directory))) {
      if (name.endsWith(".service") && !paths.has(name)) paths.set(name, join(directory, name));
    }
  }
  const units = await Promise.all([...paths.values()].slice(0, mostUnits).map((path) => readUnit(root, path)));
  return units.filter((each) => each !== undefined).sort((a, b) => a.unit.localeCompare(b.unit));
}

async function namesIn(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).sort();
}

async function readUnit(root: string, path: string): Promise<UnitFacts | undefined> {
  const unit = basename(path);
  const problems: string[] = [];
  const files = [path, ...(await dropInsOf(root, unit))];
  const settings = new UnitSettings();
  for (const file of files) {
    try {
      settings.add(file, parseUnit(await readFile(join(root, file), "utf8")));
    } catch (error) {
      problems.push(`${file}: ${errorText(error)}`);
    }
  }
  // The prefixes of systemd.service(5): -, @, :, + and !.
  const command = splitWords((settings.last("ExecStart")?.value ?? "").replace(/^[-@:+!]+/, ""));
  const service = serviceOf(command);
  if (service === undefined) return undefined;
  return {
    service,
    unit,
    files,
    user: settings.last("User"),
    group: settings.last("Group"),
    supplementaryGroups: settings.all("SupplementaryGroups").flatMap(({ value }) => splitWords(value)),
    workingDirectory: settings.last("WorkingDirectory"),
    command: shownCommand(command),
    environment: await environmentOf(root, settings, problems),
    problems,
  };
}

/** Sorted by name over all directories; of two with one name the higher directory's counts. */
async function dropInsOf(root: string, unit: string): Promise<string[]> {
  const found = new Map<string, string>();
  for (const directory of directories) {
    const below = join(directory, `${unit}.d`);
    for (const name of await namesIn(join(root, below))) {
      if (name.endsWith(".conf") && !found.has(name)) found.set(name, join(below, name));
    }
  }
  return [...found].sort(([a], [b]) => a.localeCompare(b)).map(([, path]) => path);
}

async function environmentOf(root: string, settings: UnitSettings, problems: string[]) {
  const environment: Record<string, UnitSetting> = {};
  const set = (name: string, setting: UnitSetting): void => {
    if (name.startsWith("KEYLIME_")) environment[name] = { ...setting, value: shownValue(name, setting.value) };
  };
  for (const { value, file, line } of settings.all("Environment")) {
    for (const word of splitWords(value)) {
      const [name, ...rest] = word.split("=");
      set(name!, { value: rest.join("="), file, line });
    }
  }
  for (const { value } of settings.all("EnvironmentFile")) {
    const isOptional = value.startsWith("-");
    const file = value.replace(/^-/, "");
    try {
      for (const { name, value: text, line } of parseEnvironmentFile(await readFile(join(root, file), "utf8"))) {
        set(name, { value: text, file, line });
      }
    } catch (error) {
      if (!isOptional) problems.push(`${file}: ${errorText(error)}`);
    }
  }
  return environment;
}

class UnitSettings {
  private readonly settings = new Map<string, UnitSetting[]>();

  /** An empty assignment drops what came before (systemd.syntax(7)). */
  add(file: string, assignments: readonly UnitAssignment[]): void {
    for (const { section, name, value, line } of assignments) {
      if (section !== "Service") continue;
      this.settings.set(name, value === "" ? [] : [...this.all(name), { value, file, line }]);
    }
  }

  all(name: string): readonly UnitSetting[] {
    return this.settings.get(name) ?? [];
  }

  last(name: string): UnitSetting | undefined {
    return this.all(name).at(-1);
  }
}
