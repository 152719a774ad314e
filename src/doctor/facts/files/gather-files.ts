import type { Stats } from "node:fs";
import { runBounded } from "../bounded.js";
import { type Fact, known, unknown } from "../fact.js";
import { type Machine, whyUnreadable } from "../machine.js";
import type { ProcessFacts } from "../processes/process-facts.js";
import type { UnitFacts } from "../units/gather-units.js";
import { Accounts } from "./accounts.js";
import { type Acls, gatherAcls } from "./acl.js";
import type {
  Denial,
  FileContent,
  FileFacts,
  FileState,
  FileUse,
  ReaderAccess,
  ReaderId,
  ReaderUser,
} from "./file-facts.js";
import { type AclEntry, judgePermission } from "./permission.js";
import { readContent } from "./read-content.js";
import { readerUser } from "./reader-user.js";
import { type PathComponent, type PathWalk, walkPath } from "./walk-path.js";

export interface FilesQuestion {
  uses: readonly FileUse[];
  processes: Fact<readonly ProcessFacts[]>;
  units: readonly UnitFacts[];
  asUser: string | undefined;
}

const filesAtOnce = 16;

/** The kernel's overflow user, to whom nothing should belong. */
const stranger: ReaderUser = { uid: 65_534, gid: 65_534, groups: [] };

/** Everything about each file that is named: what it is, what is in it, and whether its readers get to it. */
export async function gatherFiles(machine: Machine, question: FilesQuestion): Promise<FileFacts[]> {
  const accounts = await Accounts.read(machine);
  const paths = [...new Set(question.uses.map(({ path }) => path))];
  const walks = await runBounded(
    filesAtOnce,
    paths.map((path) => () => walkPath(machine, path)),
  );
  const acls = await gatherAcls([...new Set(walks.flatMap((walk) => walkedPaths(machine, walk)))]);
  const users = new Map<ReaderId, Fact<ReaderUser>>();
  for (const { reader } of question.uses) users.set(reader, readerUser(reader, { accounts, ...question }));
  const look: Look = { machine, accounts, acls, users };
  return await runBounded(
    filesAtOnce,
    paths.map((path, i) => () => fileFacts(path, walks[i]!, question.uses, look)),
  );
}

interface Look {
  machine: Machine;
  accounts: Accounts;
  acls: Acls;
  users: ReadonlyMap<ReaderId, Fact<ReaderUser>>;
}

async function fileFacts(path: string, walk: PathWalk, allUses: readonly FileUse[], look: Look): Promise<FileFacts> {
  const uses = allUses.filter((use) => use.path === path);
  const isProgram = uses.every(({ role }) => role === "executable" || role === "password");
  const readers = [...new Set(uses.map(({ reader }) => reader))];
  return {
    path,
    uses,
    state: await stateOf(path, walk, look),
    content: isProgram ? unknown("it is not looked into", path) : await contentOf(path, walk, look),
    readers: readers.map((reader) => access(reader, walk, look)),
    strangerDenied: firstDenial(walk, stranger, look),
  };
}

async function contentOf(path: string, walk: PathWalk, { machine }: Look): Promise<Fact<FileContent>> {
  // Links of a copied machine may be absolute: only the walk knows where they lead within the copy.
  return await readContent(machine, walk.is === "reached" ? walk.end.path : path);
}

async function stateOf(path: string, walk: PathWalk, look: Look): Promise<Fact<FileState>> {
  if (walk.is === "hidden") return unknown(whyUnreadable({ code: walk.code }), walk.at);
  if (walk.is === "missing") {
    const isProven = await look.machine.isMissingProven(path);
    return isProven ? known({ is: "missing", at: walk.at }, path) : unknown("the copy does not hold its folder", path);
  }
  const { path: realPath, stats } = walk.end;
  const acl = aclOf(walk.end, look);
  return known(
    {
      is: stats.isFile() ? "file" : stats.isDirectory() ? "directory" : "other",
      realPath,
      owner: look.accounts.owner(stats.uid),
      group: look.accounts.group(stats.gid),
      mode: stats.mode & 0o7777,
      hasAcl: acl.known ? known(acl.value.length > 0, acl.source) : acl,
      modifiedMs: stats.mtimeMs,
    },
    path,
  );
}

function access(reader: ReaderId, walk: PathWalk, look: Look): ReaderAccess {
  const user = look.users.get(reader)!;
  return { reader, user, denied: user.known ? firstDenial(walk, user.value, look) : unknown(user.reason, user.source) };
}

/** The first folder that cannot be searched, or the file that cannot be read. */
function firstDenial(walk: PathWalk, user: ReaderUser, look: Look): Fact<Denial | undefined> {
  for (const folder of walk.folders) {
    const denial = denialOf(folder, "search", user, look);
    if (!denial.known || denial.value !== undefined) return denial;
  }
  if (walk.is === "reached") return denialOf(walk.end, "read", user, look);
  if (walk.is === "hidden") return unknown(whyUnreadable({ code: walk.code }), walk.at);
  return unknown("it does not exist", walk.at);
}

function denialOf(
  component: PathComponent,
  lacks: Denial["lacks"],
  user: ReaderUser,
  look: Look,
): Fact<Denial | undefined> {
  const { path, stats } = component;
  const right = lacks === "search" ? 1 : 4;
  const acl = aclOf(component, look);
  const judged = judgePermission(guarded(stats, acl.known ? acl.value : []), user, right);
  // The owner and the superuser do not depend on what an ACL adds.
  const isCertain = acl.known || user.uid === 0 || user.uid === stats.uid;
  if (!isCertain) return unknown(acl.reason, acl.source);
  if (judged.allowed) return known(undefined, path);
  const { accounts } = look;
  const [owner, group] = [accounts.owner(stats.uid), accounts.group(stats.gid)];
  return known({ path, lacks, owner, group, mode: stats.mode & 0o7777, because: judged.because }, path);
}

function guarded({ uid, gid, mode }: Stats, acl: readonly AclEntry[]) {
  return { uid, gid, mode: mode & 0o7777, ...(acl.length === 0 ? {} : { acl }) };
}

function aclOf({ path }: PathComponent, { acls, machine }: Look): Fact<readonly AclEntry[]> {
  return acls.get(machine.locate(path)) ?? unknown("its ACL could not be asked for", path);
}

function walkedPaths(machine: Machine, walk: PathWalk): string[] {
  const end = walk.is === "reached" ? [walk.end] : [];
  return [...walk.folders, ...end].map(({ path }) => machine.locate(path));
}
