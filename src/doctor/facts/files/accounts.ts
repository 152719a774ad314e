import { type Fact, known, unknown } from "../fact.js";
import type { Machine } from "../machine.js";
import type { Identified, ReaderUser } from "./file-facts.js";

/** The accounts of the examined machine that its own files name; directory services are not asked. */
export class Accounts {
  private constructor(
    private readonly users: readonly PasswdEntry[],
    private readonly groups: readonly GroupEntry[],
  ) {}

  static async read(machine: Machine): Promise<Accounts> {
    const [passwd, group] = await Promise.all([machine.readText("/etc/passwd"), machine.readText("/etc/group")]);
    return new Accounts(
      entriesOf(passwd).flatMap(([name, , uid, gid]) => passwdEntry(name, uid, gid)),
      entriesOf(group).flatMap(([name, , gid, members]) => groupEntry(name, gid, members)),
    );
  }

  owner(uid: number): Identified {
    return identified(
      uid,
      this.users.find((user) => user.uid === uid),
    );
  }

  group(gid: number): Identified {
    return identified(
      gid,
      this.groups.find((group) => group.gid === gid),
    );
  }

  /** A user by name or number, with every group that it is a member of. */
  user(asked: string, source: string, more: MoreGroups = {}): Fact<ReaderUser> {
    const entry = this.users.find(({ name }) => name === asked) ?? this.users.find(({ uid }) => String(uid) === asked);
    const uid = entry?.uid ?? (/^\d+$/.test(asked) ? Number(asked) : undefined);
    if (uid === undefined) return unknown(`/etc/passwd does not name the user ${asked}`, source);
    const gid = this.gidOf(more.group) ?? entry?.gid ?? uid;
    const named = this.groups.filter(({ members }) => entry !== undefined && members.includes(entry.name));
    const supplementary = (more.supplementary ?? []).flatMap((name) => this.gidOf(name) ?? []);
    const groups = [...new Set([...named.map((group) => group.gid), ...supplementary])].filter((each) => each !== gid);
    return known({ uid, gid, groups, ...(entry === undefined ? {} : { name: entry.name }) }, source);
  }

  private gidOf(name: string | undefined): number | undefined {
    if (name === undefined) return undefined;
    return this.groups.find((group) => group.name === name)?.gid ?? (/^\d+$/.test(name) ? Number(name) : undefined);
  }
}

/** What systemd adds: Group= in place of the user's own, SupplementaryGroups=. */
export interface MoreGroups {
  group?: string;
  supplementary?: readonly string[];
}

interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
}

interface GroupEntry {
  name: string;
  gid: number;
  members: readonly string[];
}

function identified(id: number, entry: { name: string } | undefined): Identified {
  return entry === undefined ? { id } : { id, name: entry.name };
}

function entriesOf(text: Fact<string>): string[][] {
  return text.known ? text.value.split("\n").map((line) => line.split(":")) : [];
}

function passwdEntry(name = "", uid = "", gid = ""): PasswdEntry[] {
  return /^\d+$/.test(uid) && /^\d+$/.test(gid) ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
}

function groupEntry(name = "", gid = "", members = ""): GroupEntry[] {
  return /^\d+$/.test(gid) ? [{ name, gid: Number(gid), members: members.split(",").map((each) => each.trim()) }] : [];
}
