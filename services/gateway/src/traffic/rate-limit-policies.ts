import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { type RateLimit, rate_limit, WhenStoreAway } from "@weft/proto/weft/options/v1/rate_limit_pb.ts";
import type { Limit } from "./gcra.ts";
import type { RateLimitRule } from "./rate-limit-rules.ts";

/*
 * Which budget a call draws from, by its method. What the operator configures goes before what the contract says, and what
 * names the method goes before what names its service; everything that nobody has named shares one budget per client
 * (GW-05). Cost and behaviour without the store come from the contract unless the configuration says them.
 */

export interface RateLimitPolicy {
  /** Of the budget: "default", a service or a method. */
  readonly name: string;
  readonly limit: Limit;
  /** Tokens that one call takes. */
  readonly cost: number;
  /** What happens while the store is away: each gateway counts alone, or calls are refused. */
  readonly whenStoreAway: "local" | "closed";
}

const defaultLimit: Limit = { ratePerSecond: 10, burst: 20 };
const defaultName = "default";

/** Gives the policy of a method; undefined when it has no limit. Throws for a rule that names nothing, or no good option. */
export function createRateLimitPolicies(
  methods: readonly DescMethod[],
  rules: readonly RateLimitRule[],
): (method: DescMethod) => RateLimitPolicy | undefined {
  const ruleOf = new Map(rules.map((rule) => [rule.pattern, rule]));
  const policies = new Map<DescMethod, RateLimitPolicy | undefined>();
  const known = new Set(["*"]);
  for (const method of methods) {
    const service = `${method.parent.typeName}/*`;
    const name = `${method.parent.typeName}/${method.name}`;
    known.add(service).add(name);
    policies.set(method, policyOf(method, name, ruleOf.get(name) ?? ruleOf.get(service), ruleOf.get("*")));
  }
  const unknown = rules.find(({ pattern }) => !known.has(pattern));
  if (unknown !== undefined) {
    throw new Error(`WEFT_RATE_LIMITS names "${unknown.pattern}", which is no method that clients may call`);
  }
  return (method) => policies.get(method);
}

function policyOf(
  method: DescMethod,
  name: string,
  own: RateLimitRule | undefined,
  general: RateLimitRule | undefined,
): RateLimitPolicy | undefined {
  const option = hasOption(method, rate_limit) ? getOption(method, rate_limit) : undefined;
  const stated = option === undefined ? undefined : limitOf(option, name);
  const rule = own ?? (stated === undefined ? general : undefined);
  if (rule !== undefined && rule.limit === undefined) {
    return undefined;
  }
  const limit = rule?.limit ?? stated ?? defaultLimit;
  const closed = option?.whenStoreAway === WhenStoreAway.CLOSED;
  const policy = {
    name: own?.pattern ?? (rule === undefined && stated !== undefined ? name : defaultName),
    limit,
    cost: rule?.cost ?? (option?.cost || 1),
    whenStoreAway: rule?.whenStoreAway ?? (closed ? "closed" : "local"),
  } as const;
  if (policy.cost > limit.burst) {
    throw new Error(`a call of ${name} costs ${policy.cost}, more than the ${limit.burst} that its budget ever holds`);
  }
  return policy;
}

/** The budget of its own that an option gives a method, if any. */
function limitOf({ ratePerSecond, burst }: RateLimit, name: string): Limit | undefined {
  if (ratePerSecond === 0 && burst === 0) {
    return undefined;
  }
  if (!(ratePerSecond > 0) || burst < 1) {
    throw new Error(`${name}: weft.options.v1.rate_limit needs a rate_per_second above 0 and a burst of at least 1`);
  }
  return { ratePerSecond, burst };
}
