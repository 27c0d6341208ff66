import type { Profile } from "./profile.ts";

/** Under 50 s on two cores; its figures are for a first look. */
export const quick: Profile = {
  name: "quick",
  rounds: 2,
  budgetMs: 44_000,
  hardLimitMs: 46_500,
  firstWarmUp: { calls: 25_000, leastMs: 1_500, mostMs: 2_500 },
  firstServedWarmUpMs: 1_000,
  unary256: { warmUpMs: 80, measureMs: 400 },
  unary64: { warmUpMs: 60, measureMs: 220 },
  latency: { warmUpMs: 40, measureMs: 200 },
  tail: { warmUpMs: 150, measureMs: 600 },
  served: { warmUpMs: 100, measureMs: 450 },
  connections: { warmUpMs: 200, measureMs: 600 },
  idleMs: 0,
};
