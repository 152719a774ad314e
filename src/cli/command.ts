import type { Command } from "commander";
import type { Io } from "./io.js";

/** Adds one command. What the command does is imported when it runs, so that `--help` stays instant. */
export type AddCommand = (program: Command, io: Io, setExitCode: (code: number) => void) => void;
