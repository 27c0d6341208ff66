import type { HeaderField } from "../http/http-server.ts";
import type { RateLimitPolicy } from "./rate-limit-policies.ts";
import type { RateLimitVerdict } from "./rate-limiter.ts";

/*
 * What an answer says about the budget that its call drew from: RateLimit and RateLimit-Policy (draft-ietf-httpapi-
 * ratelimit-headers-10, 2025), and the three fields of its first versions (RateLimit-Limit, -Remaining, -Reset), which most
 * clients know. A budget that refills steadily is told as its burst in the time that it takes to refill.
 */

interface Fixed {
  readonly policy: HeaderField;
  readonly limit: HeaderField;
}

const fixed = new WeakMap<RateLimitPolicy, Fixed>();

export function rateLimitHeaders({ policy, remaining, fullInMs }: RateLimitVerdict): readonly HeaderField[] {
  const { policy: policyField, limit } = fixedFields(policy);
  const seconds = Math.ceil(fullInMs / 1000);
  return [
    policyField,
    ["ratelimit", `"${policy.name}";r=${remaining};t=${seconds}`],
    limit,
    ["ratelimit-remaining", String(remaining)],
    ["ratelimit-reset", String(seconds)],
  ];
}

/** What is the same in each answer is written once. */
function fixedFields(policy: RateLimitPolicy): Fixed {
  const known = fixed.get(policy);
  if (known !== undefined) {
    return known;
  }
  const { burst, ratePerSecond } = policy.limit;
  const made: Fixed = {
    policy: ["ratelimit-policy", `"${policy.name}";q=${burst};w=${Math.ceil(burst / ratePerSecond)}`],
    limit: ["ratelimit-limit", String(burst)],
  };
  fixed.set(policy, made);
  return made;
}
