import type { ChannelPosition } from "@weft/mesh";

/*
 * Where a client of server-sent events is in its recoverable channels. It keeps nothing itself but the id of the last event, so
 * the id is all positions: the base64url of a JSON object, channel to [epoch, offset]. The positions are read off the frames
 * that go out anyway, and only answers, notices and pushes of channels that have one are parsed for that.
 */

type Positions = Readonly<Record<string, readonly [epoch: string, offset: number]>>;

interface Frame {
  readonly subscribed?: { readonly channel: string; readonly epoch?: string; readonly offset?: number };
  readonly push?: { readonly channel: string; readonly offset?: number };
  readonly notice?: {
    readonly code: string;
    readonly channel?: string;
    readonly reason?: string;
    readonly epoch?: string;
    readonly offset?: number;
    readonly reconnectAfterMs?: number;
  };
}

interface Place {
  readonly channel?: string;
  readonly epoch?: string;
  readonly offset?: number;
}

export interface EventNotes {
  /** Where the client is when it has this event, if that is somewhere else than before. */
  readonly id?: string;
  /** When the client may come back. */
  readonly retryMs?: number;
  /** Publications were lost for good, and the channel sends nothing more. */
  readonly isLost?: boolean;
}

const epochShape = /^[a-z0-9]{1,64}$/;
const pushOf = /^\{"push":\{"channel":"([^"]+)"/;
/** 128 channels with names and epochs as long as they may be. */
const mostIdCharacters = 32_768;

export class SsePositions {
  readonly #positions = new Map<string, ChannelPosition>();

  /** What the event that carries a frame has to say beside it. */
  read(text: string): EventNotes {
    const [, pushed] = pushOf.exec(text) ?? [];
    if (pushed !== undefined && !this.#positions.has(pushed)) {
      return {};
    }
    const { subscribed, push, notice } = JSON.parse(text) as Frame;
    if (notice?.reconnectAfterMs !== undefined) {
      return { retryMs: notice.reconnectAfterMs };
    }
    if (notice?.reason === "insufficient_state") {
      return { isLost: true };
    }
    const { channel, epoch, offset }: Place = subscribed ?? push ?? notice ?? {};
    const known = channel === undefined ? undefined : (epoch ?? this.#positions.get(channel)?.epoch);
    if (channel === undefined || offset === undefined || known === undefined) {
      return {};
    }
    this.#positions.set(channel, { epoch: known, offset });
    return { id: this.#id() };
  }

  #id(): string {
    const entries = [...this.#positions].map(([channel, { epoch, offset }]) => [channel, [epoch, offset]]);
    return Buffer.from(JSON.stringify(Object.fromEntries(entries))).toString("base64url");
  }
}

/** The positions in the id that a client gives back; undefined when it is not one of ours. */
export function positionsFromEventId(id: string): ReadonlyMap<string, ChannelPosition> | undefined {
  if (id.length > mostIdCharacters) {
    return undefined;
  }
  try {
    const value = JSON.parse(Buffer.from(id, "base64url").toString("utf8")) as Positions;
    const entries = Object.entries(value).map(([channel, [epoch, offset]]) => [channel, { epoch, offset }] as const);
    const isSound = entries.every(
      ([, { epoch, offset }]) =>
        typeof epoch === "string" && epochShape.test(epoch) && Number.isSafeInteger(offset) && offset >= 0,
    );
    return isSound ? new Map(entries) : undefined;
  } catch {
    return undefined;
  }
}
