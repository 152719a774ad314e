import {
  type RealKeylimeOptions as Options,
  type RealKeylime,
  startRealKeylime as start,
} from "../../../src/peers/real/keylime.js";
import { peerPath } from "./peers.js";

export type { RealKeylime };
export type RealKeylimeOptions = Omit<Options, "programs">;

/** As in `src/peers/real`, with the programs that the tests use. */
export function startRealKeylime(options: RealKeylimeOptions): Promise<RealKeylime> {
  const programs = { verifier: peerPath("keylime_verifier"), registrar: peerPath("keylime_registrar") };
  return start({ ...options, programs });
}
