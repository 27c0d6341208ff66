import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{.ci,examples,loadtest,mesh,proto,services}/**/*.test.ts"],
    // Real stores and real processes are started by some tests; the limit catches a hang, it measures nothing.
    testTimeout: 90_000,
    hookTimeout: 120_000,
    pool: "forks",
    // Most tests wait for stores and processes rather than compute: one file per core, not one less.
    maxWorkers: Math.max(2, availableParallelism()),
  },
});
