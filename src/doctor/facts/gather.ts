import type { DoctorOptions } from "../options.js";
import type { Facts } from "./facts.js";
import { gatherFiles } from "./files/gather-files.js";
import { keylimeFileUses } from "./files/keylime-file-uses.js";
import { spireFileUses } from "./files/spire-file-uses.js";
import { gatherKeylime } from "./keylime/gather-keylime.js";
import { gatherLive } from "./live/gather-live.js";
import { Machine } from "./machine.js";
import { gatherProcesses } from "./processes/gather-processes.js";
import { gatherNginx } from "./proxies/gather-nginx.js";
import { gatherRehearsal } from "./rehearsal/gather-rehearsal.js";
import { findConf } from "./spire/find-conf.js";
import { gatherSpire } from "./spire/gather-spire.js";
import type { SpireHalf } from "./spire/spire-facts.js";
import { gatherUnits } from "./units/gather-units.js";

/** Gathers everything once: what lies on the machine first, then what its services answer. */
export async function gatherFacts(options: DoctorOptions): Promise<Facts> {
  const machine = new Machine(options.root);
  const [processes, units] = await Promise.all([gatherProcesses(machine.root), gatherUnits(machine.root)]);
  const starts = { processes: processes.known ? processes.value : [], units };
  const spire = async (half: SpireHalf, asked: string | undefined) =>
    await gatherSpire(machine, {
      half,
      found: await findConf(machine, half, asked, starts),
      ...(options.pluginName === undefined ? {} : { pluginName: options.pluginName }),
      ...(options.expandEnv === undefined ? {} : { expandEnv: options.expandEnv }),
    });
  const [spireServer, spireAgent] = await Promise.all([
    spire("server", options.serverConfig),
    spire("agent", options.agentConfig),
  ]);
  const keylime = await gatherKeylime(machine, starts, options);
  const scope = { root: machine.isCopy ? machine.root : undefined, isOffline: options.offline };
  const [files, proxies, rehearsal] = await Promise.all([
    gatherFiles(machine, {
      uses: [...spireFileUses([spireServer, spireAgent]), ...keylimeFileUses(keylime)],
      processes,
      units,
      asUser: options.asUser,
    }),
    gatherNginx(machine),
    gatherRehearsal({ spireServer, scope }, options),
  ]);
  const offline = {
    scope,
    spireServer,
    spireAgent,
    processes,
    units,
    keylime,
    proxies,
    rehearsal,
    files,
  };
  return { ...offline, ...(await gatherLive(offline, machine, options)) };
}
