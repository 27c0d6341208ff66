/*
 * The frames of subprotocol weft.v1 as a client reads them. Pure. Frames and notices that are not known are left to the
 * caller as undefined: a newer server may send them.
 */

export const subprotocol = "weft.v1";

/** A place in a recoverable channel: `offset` counts publications, `epoch` names the count. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
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
}

export type Notice =
  | { readonly kind: "gap"; readonly channel: string; readonly position: Position | undefined }
  | {
      readonly kind: "subscription_ended";
      readonly channel: string;
      readonly reason: string;
      readonly message: string;
    };

export type ServerFrame =
  | Push
  | Notice
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
    };

/** Where a subscription begins. `publications` are all between the position that was asked for and `position`. */
export interface Subscribed {
  /** Absent in channels that remember nothing. */
  readonly position: Position | undefined;
  readonly recovered: boolean;
  readonly publications: readonly Publication[];
}

/** Reads one frame; undefined when it is not one that this client knows. Never throws. */
export function readServerFrame(text: unknown): ServerFrame | undefined {
  const frame = typeof text === "string" ? objectOf(jsonOf(text)) : undefined;
  if (frame === undefined) {
    return undefined;
  }
  if (frame.push !== undefined) {
    return pushOf(objectOf(frame.push));
  }
  if (frame.notice !== undefined) {
    return noticeOf(objectOf(frame.notice));
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
  const { channel, data, offset, skipped } = push;
  return {
    kind: "push",
    channel,
    data,
    offset: typeof offset === "number" ? offset : undefined,
    skipped: typeof skipped === "number" ? skipped : 0,
  };
}

function noticeOf(notice: JsonObject | undefined): ServerFrame | undefined {
  if (notice?.code === "token_expiring") {
    return { kind: "token_expiring" };
  }
  if (notice?.code === "draining") {
    const { reconnectAfterMs } = notice;
    return {
      kind: "draining",
      reconnectAfterMs: typeof reconnectAfterMs === "number" && reconnectAfterMs >= 0 ? reconnectAfterMs : undefined,
    };
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
  const { code, message, reason } = error;
  return {
    ok: false,
    code: String(code),
    message: String(message ?? code),
    reason: typeof reason === "string" ? reason : undefined,
  };
}

function positionOf({ epoch, offset }: JsonObject): Position | undefined {
  return typeof epoch === "string" && typeof offset === "number" ? { epoch, offset } : undefined;
}

function publicationOf(value: unknown): Publication | undefined {
  const publication = objectOf(value);
  return typeof publication?.offset === "number" ? { offset: publication.offset, data: publication.data } : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}
