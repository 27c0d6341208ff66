import type { Encoded, FrameCodec } from "./frame-codec.ts";
import { parseFrame } from "./protocol.ts";
import type { Identity, Notice, PushFrame, ServerFrame, SubscribedFrame } from "./server-frames.ts";

/*
 * Subprotocol weft.v1: frames are JSON text, but for frames of simulations that were asked for in binary, which are sent as they
 * are. Payloads are JSON already and are put in as text.
 */

const utf8 = new TextDecoder();

export const jsonCodec: FrameCodec = {
  subprotocol: "weft.v1",
  reads: "text",
  decode: (bytes) => {
    let value: unknown;
    try {
      value = JSON.parse(utf8.decode(bytes));
    } catch {
      return { ok: false, id: undefined, message: "a frame must be JSON" };
    }
    return parseFrame(value);
  },
  encode: (frame) => (frame.kind === "push" ? push(frame) : { bytes: textOf(frame), form: "text" }),
};

function textOf(frame: Exclude<ServerFrame, PushFrame>): string {
  switch (frame.kind) {
    case "connected":
      return JSON.stringify({ id: frame.id, connected: { ...identity(frame), limits: frame.limits } });
    case "refreshed":
      return JSON.stringify({ id: frame.id, refreshed: identity(frame) });
    case "subscribed":
      return subscribed(frame);
    case "unsubscribed":
      return JSON.stringify({ id: frame.id, unsubscribed: { channel: frame.channel } });
    case "presence": {
      const { id, channel, users, connections, clients } = frame;
      const listed = clients?.map(({ sinceMs, ...client }) => ({ ...client, since: isoOf(sinceMs) }));
      return JSON.stringify({ id, presence: { channel, users, connections, clients: listed } });
    }
    case "published":
      return JSON.stringify({ id: frame.id, published: {} });
    case "pong":
      return JSON.stringify({ id: frame.id, pong: {} });
    case "error": {
      const { id, code, message, reason, retryAfterMs } = frame;
      return JSON.stringify({ id, error: { code, message, reason, retryAfterMs } });
    }
    case "presenceNews":
      return JSON.stringify({ presence: { channel: frame.channel, ...frame.news } });
    case "notice":
      return JSON.stringify({ notice: notice(frame.notice) });
  }
}

/** As bytes: text would be made into bytes again for each subscriber. */
function push({ channel, data, offset, skipped, from, key }: PushFrame): Encoded {
  if (typeof data !== "string") {
    return { bytes: data, form: "binary" };
  }
  const place = offset === undefined ? "" : `,"offset":${offset}`;
  const note = skipped > 0 ? `,"skipped":${skipped}` : "";
  const author = from === undefined ? "" : `,"from":${JSON.stringify(from)}`;
  const slot = key === undefined ? "" : `,"key":${JSON.stringify(key)}`;
  const text = `{"push":{"channel":"${channel}","data":${data}${place}${note}${author}${slot}}}`;
  return { bytes: Buffer.from(text), form: "text" };
}

function subscribed({ id, channel, position, recovered, publications }: SubscribedFrame): string {
  const place =
    position === undefined ? "" : `,"recoverable":true,"epoch":"${position.epoch}","offset":${position.offset}`;
  const outcome = recovered === undefined ? "" : `,"recovered":${recovered}`;
  const list = publications?.map(({ offset, json }) => `{"offset":${offset},"data":${json}}`).join(",");
  const missed = list === undefined ? "" : `,"publications":[${list}]`;
  return `{"id":${id},"subscribed":{"channel":"${channel}"${place}${outcome}${missed}}}`;
}

function identity({ userId, expiresAtMs }: Identity) {
  return { userId, expiresAt: isoOf(expiresAtMs) };
}

function notice(told: Notice): object {
  switch (told.code) {
    case "token_expiring":
      return { code: told.code, expiresAt: isoOf(told.expiresAtMs) };
    case "gap":
      return { code: told.code, channel: told.channel, ...told.position };
    case "subscription_ended":
    case "draining":
      return told;
  }
}

function isoOf(atMs: number): string {
  return new Date(atMs).toISOString();
}
