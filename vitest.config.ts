import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Times vary with the machine: only what is worth a look is told beside the files.
    slowTestThreshold: 10_000,
    projects: [
      {
        // Everything that runs inside the test process.
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/unit/**/*.test.ts"],
          setupFiles: ["test/support/generated-cases.ts"],
          testTimeout: 20_000,
        },
      },
      {
        // Everything that starts the built executable or another process of ours; needs `npm run build` first.
        test: {
          name: "process",
          include: ["test/{process,stories,scenarios}/**/*.test.ts"],
          setupFiles: ["test/support/generated-cases.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // One file at a time: several of them load both cores of a small machine on purpose.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Real peers, one suite at a time: they share ports, and a loaded machine makes their time-outs lie.
        test: {
          name: "real",
          include: ["test/real/**/*.test.ts"],
          setupFiles: ["test/support/generated-cases.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
