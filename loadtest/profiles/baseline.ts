import type { Profile } from "./profile.ts";

/** More and shorter rounds of fewer things: a median of seven ratios stands where two or three rounds were disturbed. */
export const baselineProfile: Profile = {
  name: "baseline",
  rounds: 7,
  budgetMs: 46_000,
  hardLimitMs: 56_000,
  firstWarmUp: { calls: 60_000, leastMs: 2_000, mostMs: 4_000 },
  firstServedWarmUpMs: 0,
  unary256: { warmUpMs: 100, measureMs: 500 },
  unary64: { warmUpMs: 80, measureMs: 300 },
  latency: { warmUpMs: 60, measureMs: 300 },
  tail: { warmUpMs: 200, measureMs: 700 },
  served: { warmUpMs: 150, measureMs: 600 },
  connections: { warmUpMs: 200, measureMs: 600 },
  idleMs: 0,
};

/** As much of it as fits into a first look. */
export const quickBaseline: Profile = {
  ...baselineProfile,
  name: "baseline, quick",
  rounds: 4,
  budgetMs: 38_000,
  hardLimitMs: 47_000,
};
