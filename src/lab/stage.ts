import type { HalfName, RunningHalf } from "../rehearse/half.js";
import type { CriteriaSeen } from "./criteria.js";
import type { EmbeddedWorld } from "./embedded-world.js";
import type { StandInSpire } from "./stand-in-spire.js";
import type { Tell } from "./story.js";

/** What every scene plays on. */
export interface Stage {
  world: EmbeddedWorld;
  spire: StandInSpire;
  criteria: CriteriaSeen;
  tell: Tell;
  /** The file that SPIRE would be told to start: this program's own executable. */
  executable: string;
  /** Our two halves, started by the scene that first needs them and unloaded at the end. */
  pair: Partial<Record<HalfName, RunningHalf>>;
  signal: AbortSignal;
}

export interface Outcome {
  asExpected: boolean;
  text: string;
}

export interface Scene {
  title: string;
  play(stage: Stage): Promise<Outcome>;
}

export const verifierUrl = ({ verifier }: EmbeddedWorld): string => `https://127.0.0.1:${verifier.address.port}`;
export const registrarUrl = ({ registrar }: EmbeddedWorld): string =>
  `https://127.0.0.1:${registrar.httpsAddress.port}`;
