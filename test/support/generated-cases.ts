import fc from "fast-check";

/**
 * What generated cases start from: one seed, so that a commit that passes passes again wherever it is checked, and a
 * change alone makes a test fail. `GENERATED_SEED=$RANDOM make test` looks for cases nobody has seen yet.
 */
export const seedOfGeneratedCases = Number(process.env.GENERATED_SEED ?? 20_261_125);

fc.configureGlobal({ seed: seedOfGeneratedCases });
