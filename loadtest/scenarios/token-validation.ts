import type { Child } from "../processes/child.ts";
import type { LoadResult, TokenLoadOrder } from "../processes/orders.ts";
import type { RowRule } from "../report/rows.ts";
import type { Samples } from "../rounds.ts";
import type { RestPhase } from "./rest-fronts.ts";

/*
 * ValidateToken of the real auth service, which checks the signature and asks PostgreSQL for the session on every call. An open
 * loop of 1000 calls a second, through the mesh; what is asked for is the project's: a p99 under 5 ms.
 */

const callsPerSecond = 1000;
const askedP99Ms = 5;
const graceMs = 20_000;

export async function measureTokenValidation(
  driver: Child,
  { redisUrl, tokens }: Pick<TokenLoadOrder, "redisUrl" | "tokens">,
  { round, phase, samples }: { readonly round: number; readonly phase: RestPhase; readonly samples: Samples },
): Promise<string> {
  const order = { kind: "token-load", redisUrl, tokens, callsPerSecond, ...phase } as const;
  const result = await driver.ask<LoadResult>(order, phase.warmUpMs + phase.measureMs + graceMs);
  const { p50Ms, p99Ms, wrong, firstError } = result;
  for (const [series, value] of [
    ["auth-p50", p50Ms],
    ["auth-p99", p99Ms],
  ] as const) {
    samples.add(series, "weft", round, value);
    if (wrong > 0) {
      samples.fail(series, "weft", `${wrong} wrong or failed calls: ${firstError ?? ""}`);
    }
  }
  samples.add("auth-p99", "asked", round, askedP99Ms);
  return `p50 ${p50Ms.toFixed(2)}, p99 ${p99Ms.toFixed(2)} ms`;
}

const what = `ValidateToken of the auth service with PostgreSQL and Redis, ${callsPerSecond} calls a second`;

export const tokenRules: readonly RowRule[] = [
  {
    ...{ id: "auth/validate-token/p99", what: `p99 of ${what}`, series: "auth-p99", unit: "ms", better: "less" },
    ...{ ours: "weft", peer: "asked", peerName: "asked", atLeast: 1 },
  },
  {
    ...{ id: "auth/validate-token/p50", what: `p50 of ${what}`, series: "auth-p50", unit: "ms", better: "less" },
    ...{ ours: "weft", atLeast: null },
  },
];
