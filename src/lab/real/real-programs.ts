import { Problem } from "../../core/problem.js";
import { findProgram, type PeerName } from "../../peers/real/programs.js";

/** Absolute paths of the programs that the real lab plays on. */
export interface RealPrograms {
  spireServer: string;
  spireAgent: string;
  verifier: string;
  registrar: string;
}

const names: Record<keyof RealPrograms, PeerName> = {
  spireServer: "spire-server",
  spireAgent: "spire-agent",
  verifier: "keylime_verifier",
  registrar: "keylime_registrar",
};

/** @throws Problem `lab-programs-missing`, which names every program that is not on PATH */
export function findRealPrograms(path: string): RealPrograms {
  const found = Object.entries(names).map(([key, name]) => [key, name, findProgram(name, path)] as const);
  const missing = found.filter(([, , program]) => program === undefined).map(([, name]) => name);
  if (missing.length === 0) return Object.fromEntries(found.map(([key, , program]) => [key, program])) as never;
  const are = missing.length === 1 ? "is" : "are";
  throw new Problem("lab-programs-missing", `cannot play on real programs: ${missing.join(", ")} ${are} not on PATH`, {
    culprit: "configuration",
    hint: `add to PATH where they are installed: ${sources(missing)}; or leave out --real`,
  });
}

function sources(missing: readonly string[]): string {
  const spire = missing.some((name) => name.startsWith("spire"));
  const keylime = missing.some((name) => name.startsWith("keylime"));
  return [
    ...(spire ? ["SPIRE's are in its releases (github.com/spiffe/spire/releases)"] : []),
    ...(keylime ? ["Keylime's in your distribution's keylime packages or in pip's keylime"] : []),
    "test/real/peers/install.sh of this project's repository installs all four",
  ].join(", ");
}
