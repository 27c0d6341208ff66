import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import {
  ClientFrameSchema,
  Detail_Level,
  type DetailSchema,
  Encoding,
  type Position,
  type ServerFrame,
  ServerFrameSchema,
} from "@weft/proto/weft/realtime/v1/realtime_pb.ts";

/*
 * The frames of weft.v1.proto put as those of weft.v1 and back, written against the contract and with nothing of the gateway's
 * own: what both forms say can be compared, and a test that is written in JSON runs in protobuf too.
 */

type Json = Readonly<Record<string, unknown>>;
type Command = NonNullable<MessageInitShape<typeof ClientFrameSchema>["command"]>;

/** The bytes of a command that is given as its JSON. */
export function clientFrameBytes({ id, ...rest }: Json): Uint8Array {
  const [[name, body] = ["", {}]] = Object.entries(rest) as [string, Json][];
  const command = commandOf(name, body);
  const frame = { ...(id === undefined ? {} : { id: BigInt(id as number) }), command };
  return toBinary(ClientFrameSchema, create(ClientFrameSchema, frame));
}

function commandOf(name: string, body: Json): Command {
  switch (name) {
    case "connect":
      return {
        case: name,
        value: {
          credential:
            body.token === undefined
              ? { case: "ticket", value: body.ticket as string }
              : { case: "token", value: body.token as string },
        },
      };
    case "subscribe":
      return { case: name, value: subscribeOf(body) };
    case "publish": {
      const { channel, data, key } = body as { channel: string; data: unknown; key?: string };
      return {
        case: name,
        value: { channel, data: Buffer.from(JSON.stringify(data)), ...(key !== undefined && { key }) },
      };
    }
    default:
      return { case: name, value: body } as Command;
  }
}

function subscribeOf({ channel, recover, presence, encoding, detail, components, everyMs, maxRateHz }: Json) {
  const rate = everyMs ?? (maxRateHz === undefined ? undefined : 1000 / (maxRateHz as number));
  const kept = detail ?? components;
  return {
    channel: channel as string,
    ...(recover !== undefined && { recover: recover === null ? {} : { position: positionInit(recover as Json) } }),
    ...(presence !== undefined && { presence: presence as boolean }),
    ...(encoding !== undefined && { encoding: encoding === "json" ? Encoding.JSON : Encoding.BINARY }),
    ...(kept !== undefined && { detail: detailOf(kept) }),
    ...(rate !== undefined && { everyMs: rate as number }),
  };
}

function positionInit({ epoch, offset }: Json) {
  return { epoch: epoch as string, offset: BigInt(offset as number) };
}

function detailOf(detail: unknown): MessageInitShape<typeof DetailSchema> {
  if (Array.isArray(detail)) {
    return { selection: { case: "components", value: { ids: detail as string[] } } };
  }
  const level = detail === "overview" ? Detail_Level.OVERVIEW : Detail_Level.ALL;
  return { selection: { case: "level", value: level } };
}

/** What a frame of the gateway says, as its JSON; the payload of a simulation in its own layout as bytes. */
export function jsonOfServerFrame(bytes: Uint8Array): unknown {
  const { id, frame, $unknown } = fromBinary(ServerFrameSchema, bytes);
  if ($unknown !== undefined || frame.case === undefined) {
    throw new Error("a frame of the gateway is not as the contract says");
  }
  const answered = id === undefined ? {} : { id: Number(id) };
  const name = frame.case === "presenceChange" ? "presence" : frame.case;
  const body = bodyOf(frame);
  return body instanceof Uint8Array ? body : { ...answered, [name]: body };
}

function bodyOf(frame: ServerFrame["frame"]): unknown {
  switch (frame.case) {
    case "connected": {
      const { userId, expiresAt, limits } = frame.value;
      return { userId, expiresAt: isoOf(expiresAt), limits: limits && bare(limits) };
    }
    case "refreshed":
      return { userId: frame.value.userId, expiresAt: isoOf(frame.value.expiresAt) };
    case "subscribed": {
      const { channel, recoverable, position, recovered, publications } = frame.value;
      const list = publications.map(({ offset, data }) => ({ offset: Number(offset), data: jsonOf(data) }));
      return {
        channel,
        ...(recoverable && { recoverable }),
        ...positionOf(position),
        ...(recovered !== undefined && { recovered }),
        ...(recovered === true && { publications: list }),
      };
    }
    case "presence": {
      const { channel, users, connections, clients } = frame.value;
      const list = clients?.clients.map((client) => ({ ...bare(client), since: isoOf(client.since) }));
      return { channel, users, connections, ...(list && { clients: list }) };
    }
    case "error": {
      const { code, message, reason, retryAfterMs } = frame.value;
      const later = retryAfterMs !== undefined && { retryAfterMs: Number(retryAfterMs) };
      return { code, message, ...(reason !== "" && { reason }), ...later };
    }
    case "push": {
      const { channel, data, offset, skipped, from, key } = frame.value;
      if (data.case === "binary") {
        return data.value;
      }
      return {
        channel,
        data: jsonOf(data.value ?? new Uint8Array()),
        ...(offset !== undefined && { offset: Number(offset) }),
        ...(skipped !== 0n && { skipped: Number(skipped) }),
        ...(from !== "" && { from }),
        ...(key !== "" && { key }),
      };
    }
    case "presenceChange": {
      const { channel, users, names } = frame.value;
      return { channel, users, ...(names && { joined: names.joined, left: names.left }) };
    }
    case "notice":
      return noticeOf(frame.value.notice);
    default:
      return bare(frame.value as object);
  }
}

type Notice = Extract<ServerFrame["frame"], { case: "notice" }>["value"]["notice"];

function noticeOf(notice: Notice): unknown {
  switch (notice.case) {
    case "tokenExpiring":
      return { code: "token_expiring", expiresAt: isoOf(notice.value.expiresAt) };
    case "gap":
      return { code: "gap", channel: notice.value.channel, ...positionOf(notice.value.position) };
    case "subscriptionEnded":
      return { code: "subscription_ended", ...bare(notice.value) };
    case "draining":
      return { code: "draining", reconnectAfterMs: Number(notice.value.reconnectAfterMs) };
    default:
      throw new Error("a notice of the gateway is not as the contract says");
  }
}

function positionOf(position: Position | undefined) {
  return position && { epoch: position.epoch, offset: Number(position.offset) };
}

function bare(message: object): object {
  return Object.fromEntries(Object.entries(message).filter(([name]) => !name.startsWith("$")));
}

function isoOf(at: Timestamp | undefined): string | undefined {
  return at && timestampDate(at).toISOString();
}

function jsonOf(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString());
}
