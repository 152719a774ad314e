import picocolors from "picocolors";
import type { Io } from "../io.js";

/** Words for a terminal or for a file: colour only where the reader has it. */
export interface Style {
  heading(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  attention(text: string): string;
  quiet(text: string): string;
}

export function styleFor({ colour }: Pick<Io, "colour">): Style {
  const { bold, green, red, yellow, dim } = picocolors.createColors(colour);
  return { heading: bold, good: green, bad: red, attention: yellow, quiet: dim };
}
