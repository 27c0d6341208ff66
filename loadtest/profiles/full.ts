import type { Profile } from "./profile.ts";

/** Five rounds of what `npm run bench` measures, in under five minutes. */
export const full: Profile = {
  name: "full",
  rounds: 5,
  budgetMs: 270_000,
  hardLimitMs: 330_000,
  firstWarmUp: { calls: 150_000, leastMs: 2_000, mostMs: 6_000 },
  firstServedWarmUpMs: 3_000,
  unary256: { warmUpMs: 300, measureMs: 1_400 },
  unary64: { warmUpMs: 250, measureMs: 1_000 },
  latency: { warmUpMs: 150, measureMs: 700 },
  tail: { warmUpMs: 2_500, measureMs: 3_000 },
  served: { warmUpMs: 300, measureMs: 1_500 },
  connections: { warmUpMs: 400, measureMs: 1_800 },
  idleMs: 12_000,
};
