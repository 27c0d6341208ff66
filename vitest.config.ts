import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{.ci,examples,loadtest,mesh,proto,services}/**/*.test.ts"],
    // Real stores and real processes are started by some tests; the limit catches a hang, it measures nothing.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
  },
});
