import type { Command } from "commander";
import type { Io } from "../io.js";
import { addPlugin } from "./plugin.js";

/** Adds one command. What the command does is imported when it runs, so that `--help` stays instant. */
export type AddCommand = (program: Command, io: Io, setExitCode: (code: number) => void) => void;

/** In the order of `--help`: what stands first is what a newcomer wants first. */
export const commands: readonly AddCommand[] = [addPlugin];
