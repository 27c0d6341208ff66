import { Code } from "@connectrpc/connect";
import { serviceError } from "@weft/mesh";
import type { Channel } from "./channel.ts";
import type { Subscriber } from "./channel-access.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { ClientPublisher } from "./client-publisher.ts";
import type { ConnectionPresence } from "./connection-presence.ts";
import type { Joined } from "./followed-channel.ts";
import type { Command } from "./protocol.ts";
import type { ServerFrame, SubscribedFrame } from "./server-frames.ts";
import type { SubscriptionSet } from "./subscription-set.ts";

/** What commands of one connection act on. */
export interface CommandContext {
  readonly connection: Pick<ClientConnection, "send">;
  readonly subscriptions: SubscriptionSet;
  readonly presence: Pick<ConnectionPresence, "list">;
  readonly publisher: ClientPublisher;
}

/** Whatever does not change who the connection acts for. */
export type RunnableCommand = Exclude<Command, { kind: "connect" | "refresh" }>;

/**
 * Carries a command out for whom the connection acts for, if anybody. Gives the answer; undefined when that has gone out
 * already. Throws, or rejects with, what the client is to be told.
 */
export function runCommand(
  id: number,
  command: RunnableCommand,
  subscriber: Subscriber | undefined,
  { connection, subscriptions, presence, publisher }: CommandContext,
): Promise<ServerFrame | undefined> | ServerFrame {
  if (command.kind === "ping") {
    return { kind: "pong", id };
  }
  if (subscriber === undefined) {
    throw serviceError(Code.Unauthenticated, "CONNECT_FIRST", "send a connect frame with an access token first");
  }
  const { channel } = command;
  const { name } = channel;
  switch (command.kind) {
    case "subscribe": {
      // Sent from within, between the permission and the first message.
      const confirm = (joined?: Joined) => connection.send(subscribedFrame(id, name, joined));
      return subscriptions.add(channel, command.options, subscriber, confirm, command.recover).then(() => undefined);
    }
    case "unsubscribe":
      subscriptions.remove(channel);
      return { kind: "unsubscribed", id, channel: name };
    case "presence":
      assertSubscribed(subscriptions, channel);
      return presence.list(channel).then(({ users, connections, clients }) => {
        return { kind: "presence", id, channel: name, users, connections, clients };
      });
    case "publish":
      assertSubscribed(subscriptions, channel);
      if (!subscriptions.mayPublish(channel)) {
        throw serviceError(Code.PermissionDenied, "READ_ONLY", `you may read ${name}, and not publish in it`);
      }
      return publisher
        .publish(channel, subscriber.principal.userId, command.data, command.key)
        .then(() => ({ kind: "published", id }));
  }
}

function assertSubscribed(subscriptions: SubscriptionSet, channel: Channel): void {
  if (!subscriptions.has(channel)) {
    throw serviceError(Code.FailedPrecondition, "NOT_SUBSCRIBED", `subscribe to ${channel.name} first`);
  }
}

/** `joined` is where a subscriber of a recoverable channel begins. */
export function subscribedFrame(id: number, channel: string, joined: Joined | undefined): SubscribedFrame {
  const publications =
    joined?.recovered === true
      ? joined.missed.map(({ position, json }) => ({ offset: position?.offset ?? 0, json }))
      : undefined;
  return { kind: "subscribed", id, channel, position: joined?.position, recovered: joined?.recovered, publications };
}
