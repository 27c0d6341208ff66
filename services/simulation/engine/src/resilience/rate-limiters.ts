/**
 * Token buckets in front of components: filled at a rate, emptied by requests, holding at most a burst.
 *
 * Nothing happens between requests: what has come in meanwhile is reckoned when somebody asks. Where requests wait, each takes
 * the next token that will be there, so tokens may be owed and the order is first come, first served.
 */
import type { Model } from "../model.ts";

const nsPerSecond = 1e9;
/** A bucket that is this close to a token has it: refilling in fractions leaves a hair. */
const rounding = 1e-9;

interface Bucket {
  perNs: number;
  burst: number;
  readonly waits: boolean;
  tokens: number;
  atNs: number;
}

/** What `admit` answers when the request is refused. */
export const refused = -1;

export class RateLimiters {
  /** By component. */
  readonly #buckets: readonly (Bucket | undefined)[];
  readonly #model: Model;

  constructor(model: Model) {
    this.#model = model;
    this.#buckets = model.components.map(({ rateLimit }) => {
      if (rateLimit === undefined) return undefined;
      const { perSecond, burst, whenExceeded } = rateLimit;
      return { perNs: perSecond / nsPerSecond, burst, waits: whenExceeded === "wait", tokens: burst, atNs: 0 };
    });
  }

  /** How long a request that arrives now waits for its token, in ns: 0 for not at all; `refused` when it gets none. */
  admit(component: number, nowNs: number): number {
    const bucket = this.#buckets[component] as Bucket;
    refill(bucket, nowNs);
    if (bucket.tokens >= 1 - rounding) {
      bucket.tokens -= 1;
      return 0;
    }
    if (!bucket.waits) return refused;
    bucket.tokens -= 1;
    return this.waitNs(component, 0);
  }

  /** How long, at the rate of now, somebody waits for a token behind whom so many others wait. */
  waitNs(component: number, othersBehind: number): number {
    const { tokens, perNs } = this.#buckets[component] as Bucket;
    const missing = -tokens - othersBehind;
    return missing <= rounding ? 0 : Math.ceil(missing / perNs);
  }

  /**
   * From now on the limit is this multiple of what the model says, and the bucket holds at most `burst`, the model's own when
   * absent; who waits is to be asked for again by `waitNs`.
   */
  scale(component: number, { factor, burst }: { factor: number; burst?: number | undefined }, nowNs: number): void {
    const bucket = this.#buckets[component];
    const limit = this.#model.components[component]?.rateLimit;
    if (bucket === undefined || limit === undefined) return;
    refill(bucket, nowNs);
    bucket.perNs = (limit.perSecond * factor) / nsPerSecond;
    bucket.burst = burst ?? limit.burst;
    bucket.tokens = Math.min(bucket.burst, bucket.tokens);
  }
}

function refill(bucket: Bucket, nowNs: number): void {
  bucket.tokens = Math.min(bucket.burst, bucket.tokens + (nowNs - bucket.atNs) * bucket.perNs);
  bucket.atNs = nowNs;
}
