import type { AddCommand } from "../command.js";
import { addDoctor } from "./doctor.js";
import { addIntercept } from "./intercept.js";
import { addLab } from "./lab.js";
import { addPlugin } from "./plugin.js";
import { addProbe } from "./probe.js";
import { addRehearse } from "./rehearse.js";
import { addTrace } from "./trace.js";

/** In the order of `--help`: what stands first is what a newcomer wants first. */
export const commands: readonly AddCommand[] = [
  addDoctor,
  addLab,
  addPlugin,
  addProbe,
  addIntercept,
  addRehearse,
  addTrace,
];
