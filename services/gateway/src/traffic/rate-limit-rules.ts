import type { Limit } from "./gcra.ts";

/** What the configuration says of a method ("weft.auth.v1.AccountService/Login"), a service ("…/*") or the rest ("*"). */
export interface RateLimitRule {
  readonly pattern: string;
  /** Undefined for no limit. */
  readonly limit: Limit | undefined;
  readonly cost?: number;
  readonly whenStoreAway?: "local" | "closed";
}

const form = /^(\*|[\w.]+\/(?:\*|\w+))\s*=\s*(?:off|(\d+(?:\.\d+)?)\/(\d+)(?:\s+cost\s+(\d+))?(?:\s+(local|closed))?)$/;
/** A token each microsecond, which is what budgets are counted in. */
const mostPerSecond = 1_000_000;
const mostBurst = 10_000_000;

/**
 * Reads rules such as "*=10/20, weft.auth.v1.AccountService/Login=1/5 closed, weft.lane.v1.LaneService/*=off": calls a
 * second, then calls at once. Throws an Error that names the variable and the rule.
 */
export function parseRateLimitRules(variable: string, text: string): readonly RateLimitRule[] {
  const rules = text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
    .map((entry) => ruleOf(variable, entry));
  const twice = rules.find(({ pattern }, at) => rules.findIndex((rule) => rule.pattern === pattern) !== at);
  if (twice !== undefined) {
    throw new Error(`${variable} says twice what "${twice.pattern}" may do`);
  }
  return rules;
}

function ruleOf(variable: string, entry: string): RateLimitRule {
  const match = form.exec(entry);
  if (match === null) {
    throw new Error(
      `${variable} contains "${entry}"; a rule is <method, service/* or *>=<calls a second>/<calls at once>, ` +
        "then if wanted cost <tokens> and local or closed; or <method, service/* or *>=off",
    );
  }
  const [, pattern = "", rate, burst, cost, whenStoreAway] = match;
  if (rate === undefined) {
    return { pattern, limit: undefined };
  }
  const limit = { ratePerSecond: Number(rate), burst: Number(burst) };
  if (
    limit.ratePerSecond < 0.001 ||
    limit.ratePerSecond > mostPerSecond ||
    limit.burst < 1 ||
    limit.burst > mostBurst
  ) {
    throw new Error(
      `${variable} contains "${entry}"; calls a second are from 0.001 to ${mostPerSecond}, calls at once from 1 to ${mostBurst}`,
    );
  }
  return {
    pattern,
    limit,
    ...(cost === undefined ? {} : { cost: Number(cost) }),
    ...(whenStoreAway === undefined ? {} : { whenStoreAway: whenStoreAway as "local" | "closed" }),
  };
}
