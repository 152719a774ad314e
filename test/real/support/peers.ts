import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, it } from "vitest";
import { findProgram, type PeerName } from "../../../src/peers/real/programs.js";

export type { PeerName };

/** The cache that test/real/peers/install.sh fills; `SPIRE_KEYLIME_PEERS` names another. */
export function peersDirectory(): string {
  const caches = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  return process.env.SPIRE_KEYLIME_PEERS ?? join(caches, "spire-keylime", "peers");
}

/** Path of a real peer's program: from the cache, else from PATH, else undefined. */
export function findPeer(name: PeerName): string | undefined {
  return findProgram(name, join(peersDirectory(), "bin") + delimiter + (process.env.PATH ?? ""));
}

/** As `findPeer`, for code that only runs inside `describeWithPeers`. */
export function peerPath(name: PeerName): string {
  const path = findPeer(name);
  if (path === undefined) throw new Error(missingText([name]));
  return path;
}

/**
 * A `describe` that needs real peers. Without them it is skipped with their names in its title and on stderr; with
 * `REQUIRE_REAL_PEERS=1` (set by `make test-real`) it fails instead.
 */
export function describeWithPeers(peers: readonly PeerName[], title: string, suite: () => void): void {
  const missing = peers.filter((peer) => findPeer(peer) === undefined);
  if (missing.length === 0) {
    describe(title, suite);
  } else if (process.env.REQUIRE_REAL_PEERS === "1") {
    describe(title, () => {
      it("finds its real peers", () => {
        throw new Error(missingText(missing));
      });
    });
  } else {
    process.stderr.write(`skipped "${title}": ${missingText(missing)}\n`);
    describe.skip(`${title} (${missingText(missing)})`, suite);
  }
}

function missingText(missing: readonly PeerName[]): string {
  return `${missing.join(", ")} not found in ${peersDirectory()}/bin or on PATH: run test/real/peers/install.sh`;
}
