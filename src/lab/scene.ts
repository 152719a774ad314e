import type { CriteriaSeen } from "./criteria.js";
import type { Tell } from "./report-schema.js";
import type { World } from "./world.js";

/** What every scene plays on. */
export interface Stage {
  world: World;
  criteria: CriteriaSeen;
  tell: Tell;
  signal: AbortSignal;
}

export interface Outcome {
  asExpected: boolean;
  text: string;
  /** One line that follows from the facts of the scene. */
  why?: string;
}

export interface Scene {
  title: string;
  play(stage: Stage): Promise<Outcome>;
}
