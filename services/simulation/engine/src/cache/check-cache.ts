/** What is impossible about a component's keyed cache; see `check-architecture.ts`, whose wording this follows. */
import type { Component, KeyedCacheOptions } from "../architecture.ts";

interface CacheIssue {
  readonly field: string;
  readonly message: string;
}

const mostKeys = 10_000_000;
/** Over all instances of a component: some 60 bytes each, so at worst 600 MB. */
const mostEntries = 10_000_000;
const policies: readonly KeyedCacheOptions["policy"][] = ["lru", "lfu", "ttl"];
/** A week, the longest run. */
const longestTtlMs = 7 * 24 * 3_600_000;

/** Empty when nothing is wrong, or when the component has no keyed cache. */
export function cacheIssues({ cache, kind, instances }: Component): CacheIssue[] {
  if (cache === undefined) return [];
  const issues: CacheIssue[] = [];
  const refuse = (field: string, given: unknown, allowed: string) =>
    issues.push({ field, message: `${field} is ${given}; allowed ${allowed}` });
  if (kind !== "cache") {
    issues.push({ field: "cache", message: `cache is given for a ${kind}; only components of kind cache have keys` });
  }
  if (!isWholeUpTo(cache.keys, mostKeys)) refuse("cache.keys", cache.keys, `are whole numbers from 1 to ${mostKeys}`);
  if (!(cache.skew >= 0 && cache.skew <= 5)) refuse("cache.skew", cache.skew, "is 0 to 5");
  if (!isWholeUpTo(cache.capacity, mostEntries)) {
    refuse("cache.capacity", cache.capacity, `are whole numbers from 1 to ${mostEntries}`);
  } else if (instances * Math.min(cache.capacity, cache.keys) > mostEntries) {
    refuse(
      "cache.capacity",
      `${cache.capacity} in ${instances} instances`,
      `are ${mostEntries} entries in all of them`,
    );
  }
  if (!policies.includes(cache.policy)) refuse("cache.policy", `"${cache.policy}"`, `are ${policies.join(", ")}`);
  if (!(cache.ttlMs >= 0 && cache.ttlMs <= longestTtlMs)) {
    refuse("cache.ttlMs", cache.ttlMs, `is 0 to ${longestTtlMs}`);
  } else if (cache.policy === "ttl" && cache.ttlMs === 0) {
    refuse("cache.ttlMs", cache.ttlMs, `is above 0 to ${longestTtlMs} when the policy is ttl`);
  }
  if (cache.ttlResetsOnHit === true && cache.policy !== "ttl") {
    refuse("cache.ttlResetsOnHit", true, `is false when the policy is ${cache.policy}`);
  }
  return issues;
}

function isWholeUpTo(value: number, maximum: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= maximum;
}
