import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ChannelPosition } from "@weft/mesh";
import {
  type ClientFrame,
  ClientFrameSchema,
  type Detail,
  Detail_Level,
  Encoding,
  type NoticeSchema,
  type Recover,
  ServerFrameSchema,
  type Subscribe,
} from "@weft/proto/weft/realtime/v1/realtime_pb.ts";
import type { FrameCodec } from "./frame-codec.ts";
import { parseFrame } from "./protocol.ts";
import type { Notice, ServerFrame } from "./server-frames.ts";

/*
 * Subprotocol weft.v1.proto: each WebSocket message is one weft.realtime.v1 frame. What a client sends is first put as the JSON
 * form would have it and then read by the same rules (`protocol.ts`), so both forms accept and refuse the same, in the same
 * words. A field that is not known is refused like a member that is not known: as a name that no command has.
 */

type Unchecked = Record<string, unknown>;
type UnknownFields = ClientFrame["$unknown"];
type FrameInit = NonNullable<MessageInitShape<typeof ServerFrameSchema>["frame"]>;
type NoticeInit = NonNullable<MessageInitShape<typeof NoticeSchema>["notice"]>;

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

export const protobufCodec: FrameCodec = {
  subprotocol: "weft.v1.proto",
  reads: "binary",
  decode: (bytes) => {
    let frame: ClientFrame;
    try {
      frame = fromBinary(ClientFrameSchema, bytes);
    } catch {
      return { ok: false, id: undefined, message: "a frame must be a weft.realtime.v1.ClientFrame in protobuf" };
    }
    return parseFrame(uncheckedFrame(frame));
  },
  encode: (frame) => {
    const id = "id" in frame && frame.id !== undefined ? { id: BigInt(frame.id) } : {};
    return {
      bytes: toBinary(ServerFrameSchema, create(ServerFrameSchema, { ...id, frame: bodyOf(frame) })),
      form: "binary",
    };
  },
};

/** A client's frame as its JSON would be. */
function uncheckedFrame({ id, command, $unknown }: ClientFrame): Unchecked {
  const frame: Unchecked = { ...foreign($unknown), ...(id === undefined ? {} : { id: Number(id) }) };
  switch (command.case) {
    case undefined:
      break;
    case "connect": {
      const { credential, $unknown: rest } = command.value;
      frame.connect = { ...foreign(rest), ...(credential.case && { [credential.case]: credential.value }) };
      break;
    }
    case "subscribe":
      frame.subscribe = uncheckedSubscribe(command.value);
      break;
    case "publish": {
      const { channel, data, key, $unknown: rest } = command.value;
      frame.publish = { ...foreign(rest), channel, data: jsonOf(data), ...(key === undefined ? {} : { key }) };
      break;
    }
    default: {
      const { $typeName: _, $unknown: rest, ...body } = command.value;
      frame[command.case] = { ...foreign(rest), ...body };
    }
  }
  return frame;
}

function uncheckedSubscribe({ channel, recover, presence, encoding, detail, everyMs, $unknown }: Subscribe): Unchecked {
  return {
    ...foreign($unknown),
    channel,
    ...(recover === undefined ? {} : { recover: uncheckedRecover(recover) }),
    ...(presence === undefined ? {} : { presence }),
    ...(encoding === undefined ? {} : { encoding: encodings[encoding] ?? encoding }),
    ...(detail === undefined ? {} : { detail: uncheckedDetail(detail) }),
    ...(everyMs === undefined ? {} : { everyMs }),
  };
}

function uncheckedRecover({ position, $unknown }: Recover): Unchecked | null {
  if (position === undefined) {
    return $unknown === undefined ? null : foreign($unknown);
  }
  const { epoch, offset } = position;
  return { ...foreign($unknown), ...foreign(position.$unknown), epoch, offset: Number(offset) };
}

function uncheckedDetail({ selection, $unknown }: Detail): unknown {
  if ($unknown !== undefined) {
    return foreign($unknown);
  }
  switch (selection.case) {
    case undefined:
      return null;
    case "level":
      return levels[selection.value] ?? selection.value;
    case "components":
      return selection.value.$unknown === undefined ? selection.value.ids : foreign(selection.value.$unknown);
  }
}

const encodings: Readonly<Record<number, string>> = { [Encoding.JSON]: "json", [Encoding.BINARY]: "binary" };
const levels: Readonly<Record<number, string>> = { [Detail_Level.OVERVIEW]: "overview", [Detail_Level.ALL]: "all" };

/** Undefined, which no JSON has, for what is none. */
function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(strictUtf8.decode(bytes));
  } catch {
    return undefined;
  }
}

function foreign(fields: UnknownFields): Unchecked {
  return Object.fromEntries((fields ?? []).map(({ no }) => [`field ${no}`, true]));
}

function bodyOf(frame: ServerFrame): FrameInit {
  switch (frame.kind) {
    case "connected": {
      const { userId, limits } = frame;
      return { case: "connected", value: { userId, expiresAt: timestampOf(frame.expiresAtMs), limits } };
    }
    case "refreshed":
      return { case: "refreshed", value: { userId: frame.userId, expiresAt: timestampOf(frame.expiresAtMs) } };
    case "subscribed": {
      const { channel, position, recovered, publications = [] } = frame;
      return {
        case: "subscribed",
        value: {
          channel,
          recoverable: position !== undefined,
          ...positionOf(position),
          ...(recovered === undefined ? {} : { recovered }),
          publications: publications.map(({ offset, json }) => ({ offset: BigInt(offset), data: utf8.encode(json) })),
        },
      };
    }
    case "unsubscribed":
      return { case: "unsubscribed", value: { channel: frame.channel } };
    case "presence": {
      const { channel, users, connections, clients } = frame;
      const listed = clients?.map(({ sinceMs, ...client }) => ({ ...client, since: timestampOf(sinceMs) }));
      const list = listed === undefined ? {} : { clients: { clients: listed } };
      return { case: "presence", value: { channel, users, connections, ...list } };
    }
    case "published":
      return { case: "published", value: {} };
    case "pong":
      return { case: "pong", value: {} };
    case "error": {
      const { code, message, reason = "", retryAfterMs } = frame;
      const later = retryAfterMs === undefined ? {} : { retryAfterMs: BigInt(Math.ceil(retryAfterMs)) };
      return { case: "error", value: { code, message, reason, ...later } };
    }
    case "push": {
      const { channel, data, offset, skipped, from = "", key = "" } = frame;
      const payload =
        typeof data === "string"
          ? { case: "json" as const, value: utf8.encode(data) }
          : { case: "binary" as const, value: data };
      const place = offset === undefined ? {} : { offset: BigInt(offset) };
      return { case: "push", value: { channel, data: payload, ...place, skipped: BigInt(skipped), from, key } };
    }
    case "presenceNews": {
      const { users, joined, left } = frame.news;
      const names = joined === undefined ? {} : { names: { joined: [...joined], left: [...(left ?? [])] } };
      return { case: "presenceChange", value: { channel: frame.channel, users, ...names } };
    }
    case "notice":
      return { case: "notice", value: { notice: noticeOf(frame.notice) } };
  }
}

function noticeOf(notice: Notice): NoticeInit {
  switch (notice.code) {
    case "token_expiring":
      return { case: "tokenExpiring", value: { expiresAt: timestampOf(notice.expiresAtMs) } };
    case "gap":
      return { case: "gap", value: { channel: notice.channel, ...positionOf(notice.position) } };
    case "subscription_ended": {
      const { channel, reason, message } = notice;
      return { case: "subscriptionEnded", value: { channel, reason, message } };
    }
    case "draining":
      return { case: "draining", value: { reconnectAfterMs: BigInt(Math.ceil(notice.reconnectAfterMs)) } };
  }
}

/** Of a moment that may have a fraction, which Timestamp has no place for. */
function timestampOf(atMs: number): Timestamp {
  return timestampFromMs(Math.floor(atMs));
}

function positionOf(position: ChannelPosition | undefined) {
  return position === undefined ? {} : { position: { epoch: position.epoch, offset: BigInt(position.offset) } };
}
