import { type Fact, known, unknown } from "../fact.js";
import type { ProcessFacts } from "../processes/process-facts.js";
import type { ServiceName } from "../processes/program.js";
import type { UnitFacts } from "../units/gather-units.js";
import type { Accounts } from "./accounts.js";
import type { ReaderId, ReaderUser } from "./file-facts.js";

/** The services whose user reads a reader's files; the tenant is whoever calls it. */
const services: Record<ReaderId, ServiceName | undefined> = {
  "server-plugin": "spire-server",
  "agent-plugin": "spire-agent",
  verifier: "keylime_verifier",
  registrar: "keylime_registrar",
  tenant: undefined,
  "keylime-agent": "keylime_agent",
};

export interface UserSources {
  accounts: Accounts;
  processes: Fact<readonly ProcessFacts[]>;
  units: readonly UnitFacts[];
  /** Name or number given by the operator: it counts for the SPIRE side, whose files the plugin reads. */
  asUser: string | undefined;
}

/** The user a reader runs as: the operator's word, else the running process, else its systemd unit. */
export function readerUser(reader: ReaderId, sources: UserSources): Fact<ReaderUser> {
  const { accounts, processes, units, asUser } = sources;
  const service = services[reader];
  if (service === undefined) return unknown("it runs as whoever calls it", reader);
  const isPlugin = reader === "server-plugin" || reader === "agent-plugin";
  if (asUser !== undefined && isPlugin) return accounts.user(asUser, "--as-user");
  const running = processes.known ? processes.value.find((each) => each.service === service) : undefined;
  if (running !== undefined) return userOfProcess(running);
  const unit = units.find((each) => each.service === service);
  if (unit === undefined) return unknown(`no process and no systemd unit of ${service} was found`, service);
  return accounts.user(unit.user?.value ?? "0", unit.unit, {
    ...(unit.group === undefined ? {} : { group: unit.group.value }),
    supplementary: unit.supplementaryGroups,
  });
}

function userOfProcess({ uid, gid, groups, user, pid, service }: ProcessFacts): Fact<ReaderUser> {
  return known({ uid, gid, groups, ...(user === undefined ? {} : { name: user }) }, `${service}, process ${pid}`);
}
