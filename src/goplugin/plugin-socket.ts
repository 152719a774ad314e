import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, readFileSync } from "node:fs";
import { lstat, readdir, unlink } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { join } from "node:path";
import { errorText, Problem } from "../core/problem.js";

/** sockaddr_un of Linux holds 108 bytes, one of them the final zero. */
const maxPathBytes = 107;
const ownName = /^plugin-n(\d+)-[0-9a-f]{12}$/;
/** A shared directory may hold anything; more than this is not looked at. */
const maxStaleSockets = 1000;

export interface SocketPlace {
  directory: string;
  /** Group that gets the socket with mode 0660, by name or number; otherwise it is its owner's alone. */
  group?: string;
}

/** Where a go-plugin host wants sockets: PLUGIN_UNIX_SOCKET_DIR, else TMPDIR, else /tmp. */
export function socketPlaceOf(env: NodeJS.ProcessEnv): SocketPlace {
  const directory = env.PLUGIN_UNIX_SOCKET_DIR || env.TMPDIR || "/tmp";
  const group = env.PLUGIN_UNIX_SOCKET_GROUP;
  return group ? { directory, group } : { directory };
}

/**
 * Listens on a fresh socket in the directory and returns its path. The name carries the process id, so that a later
 * start can tell which sockets were left behind.
 * @throws Problem `plugin-socket` when the path is too long, the directory unusable or the group unknown
 */
export async function listenOnSocket(server: Server, place: SocketPlace): Promise<string> {
  const path = join(place.directory, `plugin-n${process.pid}-${randomBytes(6).toString("hex")}`);
  const bytes = Buffer.byteLength(path);
  if (bytes > maxPathBytes) {
    throw refused(path, `the path has ${bytes} bytes, a UNIX socket takes ${maxPathBytes}`, "set a shorter TMPDIR");
  }
  const gid = place.group === undefined ? undefined : groupId(place.group, path);
  await listenOwnOnly(server, path);
  if (gid === undefined) return path;
  try {
    chownSync(path, -1, gid);
    chmodSync(path, 0o660);
  } catch (error) {
    server.close();
    throw refused(path, `cannot give it to group ${JSON.stringify(place.group)}: ${errorText(error)}`);
  }
  return path;
}

// The file is bound inside the call of listen, so the umask holds for nothing else.
function listenOwnOnly(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(refused(path, errorText(error), "does its directory exist, and is it writable?")),
    );
    const before = process.umask(0o177);
    try {
      server.listen(path, resolve);
    } finally {
      process.umask(before);
    }
  });
}

/**
 * Removes sockets that plugins of this kind left in the directory when they were killed. Only sockets of this user whose
 * process is dead and that nobody answers (another PID namespace may share the directory) are touched.
 * Returns the number removed; never throws.
 */
export async function removeStaleSockets(directory: string): Promise<number> {
  const names = await readdir(directory).catch(() => []);
  let removed = 0;
  for (const name of names.filter((each) => ownName.test(each)).slice(0, maxStaleSockets)) {
    if (isAlive(Number(ownName.exec(name)![1]))) continue;
    const path = join(directory, name);
    const facts = await lstat(path).catch(() => undefined);
    if (!facts?.isSocket() || facts.uid !== process.getuid?.()) continue;
    if (await isRefused(path))
      removed += await unlink(path).then(
        () => 1,
        () => 0,
      );
  }
  return removed;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (refusedConnection: boolean) => {
      socket.destroy();
      resolve(refusedConnection);
    };
    socket.setTimeout(1000, () => settle(false));
    socket.once("connect", () => settle(false));
    socket.once("error", (error: NodeJS.ErrnoException) => settle(error.code === "ECONNREFUSED"));
  });
}

// Node has no getgrnam; a group that only a directory service knows can be given by its number.
function groupId(group: string, path: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  const line = groupLines().find((each) => each.startsWith(`${group}:`));
  const gid = Number(line?.split(":")[2] || Number.NaN);
  if (!Number.isInteger(gid)) {
    const why = `/etc/group has no group ${JSON.stringify(group)}`;
    throw refused(path, why, "correct PLUGIN_UNIX_SOCKET_GROUP, or write the group's number");
  }
  return gid;
}

function groupLines(): string[] {
  try {
    return readFileSync("/etc/group", "utf8").split("\n");
  } catch {
    return [];
  }
}

function refused(path: string, why: string, hint?: string): Problem {
  return new Problem("plugin-socket", `cannot listen on socket ${JSON.stringify(path)}: ${why}`, {
    culprit: "configuration",
    ...(hint === undefined ? {} : { hint }),
  });
}
