import type { ReaderUser } from "./file-facts.js";

/** The bits that let one class do something: 4 read, 2 write, 1 search or execute. */
export type Right = 4 | 1;

/** What the kernel looks at on one component of a path (acl(5)). */
export interface Guarded {
  uid: number;
  gid: number;
  /** Permission bits; with an ACL the group's bits are the mask. */
  mode: number;
  acl?: readonly AclEntry[];
}

export interface AclEntry {
  kind: "user" | "group" | "mask" | "other";
  /** Undefined: the owner, the owning group. */
  id?: number;
  bits: number;
}

export type Permission = { allowed: true } | { allowed: false; because: string };

/** Whether a user has a right on a file or folder. The superuser reads and searches everything (CAP_DAC_OVERRIDE). */
export function judgePermission(file: Guarded, user: ReaderUser, right: Right): Permission {
  if (user.uid === 0) return { allowed: true };
  if (file.uid === user.uid) return classVerdict("its owner has", (file.mode >> 6) & 7, right);
  return file.acl === undefined ? judgeMode(file, user, right) : judgeAcl(file, file.acl, user, right);
}

function judgeMode(file: Guarded, user: ReaderUser, right: Right): Permission {
  if (isMember(user, file.gid)) return classVerdict("its group has", (file.mode >> 3) & 7, right);
  return classVerdict("others have", file.mode & 7, right);
}

/** Named user, then any group that fits (one that grants suffices), then other; the mask cuts all but the last. */
function judgeAcl(file: Guarded, acl: readonly AclEntry[], user: ReaderUser, right: Right): Permission {
  const mask = acl.find(({ kind }) => kind === "mask")?.bits ?? 7;
  const named = acl.find(({ kind, id }) => kind === "user" && id === user.uid);
  if (named !== undefined) return classVerdict(`the ACL entry of user ${user.uid} has`, named.bits & mask, right);
  const groups = acl.filter(({ kind, id }) => kind === "group" && isMember(user, id ?? file.gid));
  if (groups.length === 0)
    return classVerdict("others have", acl.find(({ kind }) => kind === "other")?.bits ?? 0, right);
  const best = groups.find(({ bits }) => (bits & mask & right) !== 0) ?? groups[0]!;
  const who = best.id === undefined ? "its group has" : `the ACL entry of group ${best.id} has`;
  return classVerdict(who, best.bits & mask, right);
}

const isMember = (user: ReaderUser, gid: number): boolean => user.gid === gid || user.groups.includes(gid);

function classVerdict(who: string, bits: number, right: Right): Permission {
  return (bits & right) !== 0 ? { allowed: true } : { allowed: false, because: `${who} ${bitsText(bits)}` };
}

/** `r-x` */
function bitsText(bits: number): string {
  return `${bits & 4 ? "r" : "-"}${bits & 2 ? "w" : "-"}${bits & 1 ? "x" : "-"}`;
}
