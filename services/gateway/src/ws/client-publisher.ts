import { Code } from "@connectrpc/connect";
import { type PubSub, serviceError } from "@weft/mesh";
import type { GatewayMetrics } from "../metrics.ts";
import { refusalOf } from "../traffic/call-gate.ts";
import type { RateLimitPolicy } from "../traffic/rate-limit-policies.ts";
import type { RateLimiter } from "../traffic/rate-limiter.ts";
import type { Channel } from "./channel.ts";
import { writeClientPublication } from "./client-publication.ts";

/*
 * Takes what a client publishes to all gateways, if there are not too many such messages. Two budgets have to let it through,
 * each counted by all gateways together: the user's, over all their connections and channels, so that one does not drown
 * out the others; and the channel's, as each message in it is sent as often as it has subscribers.
 */

export interface ClientPublisher {
  /**
   * Resolves when the message is on its way. Throws RESOURCE_EXHAUSTED (RATE_LIMITED) with the time to wait, and UNAVAILABLE
   * (CHANNEL_UNAVAILABLE) when it could not be sent.
   */
  publish(channel: Channel, userId: string, data: string, key: string | undefined): Promise<void>;
}

export interface ClientPublisherOptions {
  readonly pubsub: Pick<PubSub, "publish">;
  readonly limiter: Pick<RateLimiter, "take">;
  readonly onRefused: (policy: RateLimitPolicy) => void;
  readonly metrics: Pick<GatewayMetrics, "publications">;
  readonly userPerSecond: number;
  readonly channelPerSecond: number;
}

/** Budgets hold what comes in this time: a hand that is moved does so in bursts. */
const burstSeconds = 2;

export function createClientPublisher(options: ClientPublisherOptions): ClientPublisher {
  const { pubsub, limiter, onRefused, metrics } = options;
  const ofUser = policyOf("publish_user", options.userPerSecond);
  const ofChannel = policyOf("publish_channel", options.channelPerSecond);

  async function assertWithin(policy: RateLimitPolicy, whose: string): Promise<void> {
    const taken = limiter.take(policy, whose);
    const refusal = refusalOf(taken instanceof Promise ? await taken : taken);
    if (refusal !== undefined) {
      onRefused(policy);
      throw refusal;
    }
  }

  return {
    publish: async (channel, userId, data, key) => {
      const { kind } = channel;
      try {
        await assertWithin(ofUser, userId);
        await assertWithin(ofChannel, channel.name);
      } catch (error) {
        metrics.publications.inc({ kind, outcome: "limited" });
        throw error;
      }
      try {
        await pubsub.publish(channel.name, writeClientPublication(userId, key, data));
      } catch (error) {
        metrics.publications.inc({ kind, outcome: "unavailable" });
        throw unavailable(channel, error);
      }
      metrics.publications.inc({ kind, outcome: "published" });
    },
  };
}

function policyOf(name: string, ratePerSecond: number): RateLimitPolicy {
  const limit = { ratePerSecond, burst: ratePerSecond * burstSeconds };
  return { name, limit, cost: 1, whenStoreAway: "local" };
}

function unavailable({ name }: Channel, cause: unknown): Error {
  const message = `nothing can be published in ${name} at the moment; try again`;
  return serviceError(Code.Unavailable, "CHANNEL_UNAVAILABLE", message, { retryAfterMs: 1000, cause });
}
