/*
 * The frames of the protocol as a client reads them, from plain objects as the JSON form has them; the protobuf form is made
 * into the same (protobuf/). Pure. Frames and notices that are not known are left to the caller as undefined: a newer server
 * may send them.
 */

/** One form of the protocol on WebSockets: JSON (json-format.ts), or `protobuf` of `@weft/realtime/protobuf`. */
export interface Format {
  readonly subprotocol: string;
  encode(id: number, command: string, body: object): string | Uint8Array;
  /** Reads one WebSocket message; undefined when it is no frame that this client knows. Never throws. */
  decode(data: unknown): ServerFrame | undefined;
}

/** A place in a recoverable channel: `offset` counts publications, `epoch` names the count. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** Whether both are the same place, or no place. */
export function isSamePosition(one: Position | undefined, other: Position | undefined): boolean {
  return one?.epoch === other?.epoch && one?.offset === other?.offset;
}

/** A message of a recoverable channel, with its place. */
export interface Publication {
  readonly offset: number;
  readonly data: unknown;
}

export interface ConnectionLimits {
  readonly framesPerSecond: number;
}

export interface Push {
  readonly kind: "push";
  readonly channel: string;
  readonly data: unknown;
  readonly offset: number | undefined;
  /** Messages before this one that were left out because they were read too slowly. */
  readonly skipped: number;
  /** The user who published it, as the server knows them; undefined when it was no client. */
  readonly from: string | undefined;
  /** What of that user it is of: the newest of each key counts. */
  readonly key: string | undefined;
}

export type Notice =
  | { readonly kind: "gap"; readonly channel: string; readonly position: Position | undefined }
  | {
      readonly kind: "subscription_ended";
      readonly channel: string;
      readonly reason: string;
      readonly message: string;
    };

/** Who came to a channel and who left it; without names where only numbers are told. */
export interface PresenceNews {
  readonly kind: "presence";
  readonly channel: string;
  readonly users: number;
  readonly joined: readonly string[] | undefined;
  readonly left: readonly string[];
}

/** Of a channel, from the connection to who follows it. */
export type ChannelFrame = Push | Notice | PresenceNews;

export type ServerFrame =
  | ChannelFrame
  | { readonly kind: "token_expiring" }
  /** `reconnectAfterMs` when the server spreads its clients. */
  | { readonly kind: "draining"; readonly reconnectAfterMs: number | undefined }
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answer };

export type JsonObject = Readonly<Record<string, unknown>>;

/** What a command was answered: the body of the answer, or the error. */
export type Answer =
  | { readonly ok: true; readonly body: JsonObject }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly reason: string | undefined;
      readonly retryAfterMs: number | undefined;
    };

/** Where a subscription begins. `publications` are all between the position that was asked for and `position`. */
export interface Subscribed {
  /** Absent in channels that remember nothing. */
  readonly position: Position | undefined;
  readonly recovered: boolean;
  readonly publications: readonly Publication[];
}

/** Reads what JSON gave; undefined when it is not a frame that this client knows. Never throws. */
export function readServerFrame(value: unknown): ServerFrame | undefined {
  const frame = objectOf(value);
  if (frame === undefined) {
    return undefined;
  }
  if (frame.push !== undefined) {
    return pushOf(objectOf(frame.push));
  }
  if (frame.notice !== undefined) {
    return noticeOf(objectOf(frame.notice));
  }
  if (frame.presence !== undefined && frame.id === undefined) {
    return presenceNewsOf(objectOf(frame.presence));
  }
  return typeof frame.id === "number" ? { kind: "answer", id: frame.id, answer: answerOf(frame) } : undefined;
}

/**
 * Reads the answer to a subscribe that asked to go on from `asked`. What calls itself recovered and has a hole is not: better
 * a state that is loaded once too often.
 */
export function readSubscribed(body: JsonObject, asked: Position | undefined): Subscribed {
  const position = positionOf(body);
  const publications = Array.isArray(body.publications) ? body.publications.map(publicationOf) : [];
  const recovered =
    body.recovered === true && asked !== undefined && position !== undefined && leadsTo(asked, publications, position);
  return { position, recovered, publications: recovered ? (publications as Publication[]) : [] };
}

/** Reads the limits of a `connected` answer; cautious when it has none. */
export function readLimits(body: JsonObject): ConnectionLimits {
  const framesPerSecond = objectOf(body.limits)?.framesPerSecond;
  return { framesPerSecond: typeof framesPerSecond === "number" && framesPerSecond > 0 ? framesPerSecond : 10 };
}

/** Who is in a channel; `userIds` is absent where only numbers are told. */
export interface Present {
  readonly users: number;
  readonly userIds: readonly string[] | undefined;
}

/** Reads the answer to a `presence` command; undefined when it is none. */
export function readPresence(body: JsonObject): Present | undefined {
  const users = countOf(body.users);
  const userIds = Array.isArray(body.clients)
    ? namesOf(body.clients.map((client) => objectOf(client)?.userId))
    : undefined;
  return users === undefined ? undefined : { users, userIds };
}

function leadsTo(from: Position, publications: readonly (Publication | undefined)[], to: Position): boolean {
  return (
    from.epoch === to.epoch &&
    from.offset + publications.length === to.offset &&
    publications.every((publication, index) => publication?.offset === from.offset + 1 + index)
  );
}

function pushOf(push: JsonObject | undefined): Push | undefined {
  if (push === undefined || typeof push.channel !== "string") {
    return undefined;
  }
  const { channel, data, offset, skipped, from, key } = push;
  return {
    kind: "push",
    channel,
    data,
    offset: typeof offset === "number" ? offset : undefined,
    skipped: countOf(skipped) ?? 0,
    from: nameOf(from),
    key: nameOf(key),
  };
}

function presenceNewsOf(news: JsonObject | undefined): PresenceNews | undefined {
  const users = countOf(news?.users);
  if (news === undefined || typeof news.channel !== "string" || users === undefined) {
    return undefined;
  }
  const { channel, joined, left } = news;
  const isListed = joined !== undefined || left !== undefined;
  return {
    kind: "presence",
    channel,
    users,
    joined: isListed ? namesOf(joined) : undefined,
    left: namesOf(left),
  };
}

function noticeOf(notice: JsonObject | undefined): ServerFrame | undefined {
  if (notice?.code === "token_expiring") {
    return { kind: "token_expiring" };
  }
  if (notice?.code === "draining") {
    return { kind: "draining", reconnectAfterMs: countOf(notice.reconnectAfterMs) };
  }
  if (notice === undefined || typeof notice.channel !== "string") {
    return undefined;
  }
  if (notice.code === "gap") {
    return { kind: "gap", channel: notice.channel, position: positionOf(notice) };
  }
  return notice.code === "subscription_ended"
    ? {
        kind: "subscription_ended",
        channel: notice.channel,
        reason: String(notice.reason),
        message: String(notice.message ?? notice.reason),
      }
    : undefined;
}

function answerOf(frame: JsonObject): Answer {
  const error = objectOf(frame.error);
  if (error === undefined) {
    const body = Object.entries(frame).find(([name]) => name !== "id")?.[1];
    return { ok: true, body: objectOf(body) ?? {} };
  }
  const { code, message, reason, retryAfterMs } = error;
  return {
    ok: false,
    code: String(code),
    message: String(message ?? code),
    reason: nameOf(reason),
    retryAfterMs: countOf(retryAfterMs),
  };
}

function positionOf({ epoch, offset }: JsonObject): Position | undefined {
  return typeof epoch === "string" && typeof offset === "number" ? { epoch, offset } : undefined;
}

function publicationOf(value: unknown): Publication | undefined {
  const publication = objectOf(value);
  return typeof publication?.offset === "number" ? { offset: publication.offset, data: publication.data } : undefined;
}

function countOf(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 ? value : undefined;
}

/** Undefined for "" too, which is how protobuf has what is absent. */
function nameOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function namesOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((name) => typeof name === "string") : [];
}

function objectOf(value: unknown): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}
