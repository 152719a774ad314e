import { resolve } from "node:path";
import { type Fact, known, unknown } from "../fact.js";
import type { Machine } from "../machine.js";
import type { ProcessFacts } from "../processes/process-facts.js";
import type { UnitFacts } from "../units/gather-units.js";
import type { SpireHalf } from "./spire-facts.js";

/** Where the running or installed services are said to be started from. */
export interface SpireStarts {
  processes: readonly ProcessFacts[];
  units: readonly UnitFacts[];
}

/** A configuration file, and what names it. */
export interface FoundConf {
  file: string;
  /** SPIRE's working directory, where relative paths of the file start; undefined when it is not known. */
  workingDirectory: string | undefined;
}

/** Where packages, images and SPIRE's own guide put them. */
const usualPlaces: Record<SpireHalf, readonly string[]> = {
  server: [
    "/etc/spire/server.conf",
    "/etc/spire/server/server.conf",
    "/opt/spire/conf/server/server.conf",
    "/etc/spire-server/server.conf",
    "/run/spire/config/server.conf",
    "/run/spire/server/config/server.conf",
  ],
  agent: [
    "/etc/spire/agent.conf",
    "/etc/spire/agent/agent.conf",
    "/opt/spire/conf/agent/agent.conf",
    "/etc/spire-agent/agent.conf",
    "/run/spire/config/agent.conf",
    "/run/spire/agent/config/agent.conf",
  ],
};

/** The file as asked for, as the running process or its unit names it, or the first of the usual places. */
export async function findConf(
  machine: Machine,
  half: SpireHalf,
  asked: string | undefined,
  starts: SpireStarts,
): Promise<Fact<FoundConf>> {
  const started = startOf(half, starts);
  if (asked !== undefined) {
    return known({ file: asked, workingDirectory: started?.workingDirectory }, `--${half}-config`);
  }
  if (started?.file !== undefined) {
    return known({ file: started.file, workingDirectory: started.workingDirectory }, started.source);
  }
  for (const file of usualPlaces[half]) {
    if (await machine.hasFile(file)) return known({ file, workingDirectory: started?.workingDirectory }, "usual place");
  }
  const reason = `no ${half}.conf in any of the usual places: name it with --${half}-config`;
  return unknown(reason, usualPlaces[half].join(", "));
}

interface Start {
  /** Absolute where the working directory is known. */
  file: string | undefined;
  workingDirectory: string | undefined;
  source: string;
}

function startOf(half: SpireHalf, { processes, units }: SpireStarts): Start | undefined {
  const service = half === "server" ? "spire-server" : "spire-agent";
  const running = processes.find((each) => each.service === service);
  if (running !== undefined) {
    const { workingDirectory, command, pid } = running;
    return start(command, workingDirectory.known ? workingDirectory.value : undefined, `${service}, process ${pid}`);
  }
  const unit = units.find((each) => each.service === service);
  return unit === undefined ? undefined : start(unit.command, unit.workingDirectory?.value ?? "/", unit.unit);
}

function start(command: readonly string[], workingDirectory: string | undefined, source: string): Start {
  const named = configArgument(command);
  const file = named === undefined || workingDirectory === undefined ? named : resolve(workingDirectory, named);
  return { file, workingDirectory, source };
}

/** Go's flag package: `-config FILE`, `--config FILE`, `-config=FILE`. */
function configArgument(command: readonly string[]): string | undefined {
  for (const [index, word] of command.entries()) {
    if (/^--?config$/.test(word)) return command[index + 1];
    const [, value] = /^--?config=(.+)$/.exec(word) ?? [];
    if (value !== undefined) return value;
  }
  return undefined;
}
