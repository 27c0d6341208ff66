import { availableParallelism } from "node:os";
import { configDefaults, defineConfig } from "vitest/config";

/*
 * Two kinds of tests, told apart by place. Those beside their sources, anywhere below a folder src, get what they need as
 * arguments and leave the process as they found it: they share one per core, in which a module is loaded once. (To start a
 * process for each of these 350 files takes longer than most of their tests.) All others start stores, servers and
 * processes, or change the process they run in: each file has one of its own.
 */
const folders = "{.ci,examples,loadtest,mesh,proto,services}/**";
const besideSources = `${folders}/src/**/*.test.ts`;

export default defineConfig({
  test: {
    // Real stores and real processes are started by some tests; the limit catches a hang, it measures nothing.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 45_000 } },
    pool: "forks",
    // One file per core, not one less: what a file waits for mostly computes as well, in processes of its own.
    maxWorkers: Math.max(2, availableParallelism()),
    // Every system that a test starts has a new state directory, and would compile everything anew.
    env: { NODE_COMPILE_CACHE: `${import.meta.dirname}/node_modules/.cache/tests` },
    projects: [
      {
        extends: true,
        test: { name: "apart", include: [`${folders}/*.test.ts`], exclude: [...configDefaults.exclude, besideSources] },
      },
      { extends: true, test: { name: "together", include: [besideSources], isolate: false } },
    ],
  },
});
