import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { findProgram, type PeerName } from "../src/peers/real/programs.js";

/** From where test/real/peers/install.sh puts it, else from PATH. */
export function peerProgram(name: PeerName): string {
  const caches = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const installed = join(process.env.SPIRE_KEYLIME_PEERS ?? join(caches, "spire-keylime", "peers"), "bin");
  const program = findProgram(name, `${installed}${delimiter}${process.env.PATH ?? ""}`);
  if (program === undefined)
    throw new Error(`${name} not found in ${installed} or on PATH: run test/real/peers/install.sh`);
  return program;
}
