import type { ChannelLog } from "../channels/channel-log.ts";
import type { MeshConfig } from "../config/mesh-config.ts";
import { MeshError } from "../errors.ts";
import { regExpFromGlob } from "../pubsub/glob.ts";
import type { PubSub } from "../pubsub/pubsub.ts";

/**
 * What a service depends on besides its peers, declared next to them, so that the whole matrix of who needs what can be
 * read in the `main.ts` files and is true: what is not declared cannot be used (MESH-21).
 */
export interface Uses {
  /** It has a schema of its own: DATABASE_URL must be there at the start. */
  readonly database?: boolean;
  /** Live channels it writes to, as globs. */
  readonly publishes?: readonly string[];
  /** Live channels it reads, as globs. */
  readonly subscribes?: readonly string[];
}

/** Throws CONFIG_INVALID, before anything is opened, when a declared dependency has no address. */
export function checkUses(uses: Uses | undefined, config: Pick<MeshConfig, "databaseUrl" | "redisUrl">): void {
  if (uses?.database === true && config.databaseUrl === undefined) {
    throw new MeshError("CONFIG_INVALID", "DATABASE_URL is required; `weft up` starts a PostgreSQL and sets it");
  }
  const live = [...(uses?.publishes ?? []), ...(uses?.subscribes ?? [])];
  if (live.length > 0 && config.redisUrl === undefined) {
    throw new MeshError(
      "CONFIG_INVALID",
      `REDIS_URL is required for ${live.join(", ")}; \`weft up\` starts a Redis and sets it`,
    );
  }
}

/** The same pub/sub, for the declared channels only; all channels when nothing is declared. */
export function declaredPubSub(pubsub: PubSub, uses: Uses | undefined): PubSub {
  if (uses === undefined) {
    return pubsub;
  }
  const writable = (uses.publishes ?? []).map(regExpFromGlob);
  const readable = new Set(uses.subscribes ?? []);
  return {
    publish: (channel, payload) =>
      writable.some((glob) => glob.test(channel))
        ? pubsub.publish(channel, payload)
        : Promise.reject(
            new MeshError("CHANNEL_UNDECLARED", `${channel}; declared to be published: ${listed(uses.publishes)}`),
          ),
    subscribe: (pattern, handler, options) =>
      readable.has(pattern)
        ? pubsub.subscribe(pattern, handler, options)
        : Promise.reject(
            new MeshError("CHANNEL_UNDECLARED", `${pattern}; declared to be subscribed: ${listed(uses.subscribes)}`),
          ),
    close: () => pubsub.close(),
  };
}

/** The same log, for the declared channels only; all channels when nothing is declared. */
export function declaredChannels(log: ChannelLog, uses: Uses | undefined): ChannelLog {
  if (uses === undefined) {
    return log;
  }
  const writable = (uses.publishes ?? []).map(regExpFromGlob);
  const readable = (uses.subscribes ?? []).map(regExpFromGlob);
  const undeclared = (channel: string, how: string, declared: readonly string[] | undefined) =>
    Promise.reject(new MeshError("CHANNEL_UNDECLARED", `${channel}; declared to be ${how}: ${listed(declared)}`));
  const mayRead = (channel: string) => readable.some((glob) => glob.test(channel));
  return {
    publish: (channel, payload, options) =>
      writable.some((glob) => glob.test(channel))
        ? log.publish(channel, payload, options)
        : undeclared(channel, "published", uses.publishes),
    position: (channel) =>
      mayRead(channel) ? log.position(channel) : undeclared(channel, "subscribed", uses.subscribes),
    since: (channel, from) =>
      mayRead(channel) ? log.since(channel, from) : undeclared(channel, "subscribed", uses.subscribes),
  };
}

function listed(channels: readonly string[] | undefined): string {
  return channels === undefined || channels.length === 0 ? "none" : channels.join(", ");
}
