import type { ChannelOptions } from "../feed-event.ts";
import type { Position } from "../protocol.ts";
import { MessageWriter } from "./wire.ts";

/* The client's frames (`weft.realtime.v1.ClientFrame`), from the bodies that the JSON form has. */

interface Body extends ChannelOptions {
  readonly token?: string;
  readonly ticket?: string;
  readonly channel?: string;
  readonly recover?: Position;
  readonly data?: unknown;
  readonly key?: string;
}

const commands: Readonly<Record<string, readonly [field: number, write: (body: Body) => MessageWriter]>> = {
  connect: [2, ({ token, ticket }) => texts({ 1: token, 2: ticket })],
  subscribe: [3, subscribe],
  unsubscribe: [4, ({ channel }) => texts({ 1: channel })],
  presence: [5, ({ channel }) => texts({ 1: channel })],
  publish: [6, ({ channel, data, key }) => texts({ 1: channel, 2: JSON.stringify(data), 3: key })],
  ping: [7, () => new MessageWriter()],
  refresh: [8, ({ token }) => texts({ 1: token })],
};

export function encodeClientFrame(id: number, command: string, body: object): Uint8Array {
  const frame = new MessageWriter().count(1, id);
  const [field, write] = commands[command] ?? [];
  if (field !== undefined && write !== undefined) {
    frame.message(field, write(body));
  }
  return frame.finish();
}

function subscribe({ channel, recover, presence, encoding, detail, everyMs }: Body): MessageWriter {
  const message = texts({ 1: channel });
  if (recover !== undefined) {
    const position = texts({ 1: recover.epoch }).count(2, recover.offset);
    message.message(2, new MessageWriter().message(1, position));
  }
  if (presence !== undefined) {
    message.count(3, presence ? 1 : 0);
  }
  if (encoding !== undefined) {
    message.count(4, encoding === "json" ? 1 : 2);
  }
  if (detail !== undefined) {
    message.message(5, detailOf(detail));
  }
  if (everyMs !== undefined) {
    message.double(6, everyMs);
  }
  return message;
}

function detailOf(detail: NonNullable<ChannelOptions["detail"]>): MessageWriter {
  if (typeof detail === "string") {
    return new MessageWriter().count(1, detail === "overview" ? 1 : 2);
  }
  const components = new MessageWriter();
  for (const id of detail) {
    components.text(1, id);
  }
  return new MessageWriter().message(2, components);
}

/** Those that are there. */
function texts(fields: Readonly<Record<number, string | undefined>>): MessageWriter {
  const message = new MessageWriter();
  for (const [field, value] of Object.entries(fields)) {
    if (value !== undefined) {
      message.text(Number(field), value);
    }
  }
  return message;
}
