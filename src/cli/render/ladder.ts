import type { Style } from "./style.js";

export interface Rung {
  from: "client" | "server";
  /** What was sent: `client_hello`, `new_session_ticket x2`. */
  words: string;
  atMs: number;
  /** What stands behind the arrow, in order; empty ones are left out. */
  notes: readonly string[];
}

export const bytesText = (bytes: number): string => (bytes === 1 ? "1 byte" : `${bytes} bytes`);

/** Arrows between client, on the left, and server, all of one length. */
export function ladderLines(rungs: readonly Rung[], style: Style): string[] {
  const width = rungs.reduce((most, { words }) => Math.max(most, words.length), 8) + 2;
  return rungs.map(({ from, words, atMs, notes }) => {
    const arrow = from === "client" ? `${words.padEnd(width, "-")}>` : `<${words.padStart(width, "-")}`;
    const behind = notes.filter((note) => note !== "").join(", ");
    return `   ${atMs.toFixed(3).padStart(11)}  ${arrow}${behind === "" ? "" : `  ${style.quiet(behind)}`}`;
  });
}
