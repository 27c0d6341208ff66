import { ChannelHub } from "./channel-hub.ts";
import type { ConnectionState } from "./connection.ts";
import type { ChannelSource, FeedEvent } from "./feed-event.ts";
import type { Resolved } from "./options.ts";
import type { Publish, SettlePublish } from "./publisher.ts";

/** Where a tab has its channels from: a connection of its own, or that of another tab (tabs/shared-source.ts). */
export interface Source extends ChannelSource {
  start(): void;
  publish(publish: Publish, settle: SettlePublish): void;
  retry(): void;
  woke(): void;
  close(): void;
}

export interface SourceListener {
  state(state: ConnectionState): void;
  event(event: FeedEvent): void;
  /** Somebody else has the connection now, who knows nothing of this tab: join again. */
  restarted(): void;
}

const self = "self";

/** A connection of this tab's own. */
export function createOwnSource(options: Resolved, listener: SourceListener): Source {
  const hub = new ChannelHub(options, {
    state: (state) => listener.state(state),
    event: (event) => listener.event(event),
  });
  return {
    start: () => hub.connection.retry(),
    join: (channel, channelOptions, from, recent) => hub.join(self, channel, channelOptions, from, recent),
    leave: (channel) => hub.leave(self, channel),
    publish: (publish, settle) => hub.publish(publish, settle),
    retry: () => hub.connection.retry(),
    woke: () => hub.connection.woke(),
    close: () => hub.close(),
  };
}
