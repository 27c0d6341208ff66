import type { RealtimeError } from "./errors.ts";
import type { Position, Present, Publication } from "./protocol.ts";

/*
 * What happens to a channel, as told by whoever has the connection (channel-feed.ts) to a tab that listens (channel-cursor.ts).
 * Plain data but for the error, so that it can go from tab to tab.
 */
export type FeedEvent =
  /** Answers a join: the feed goes on behind `position`; when recovered, `publications` lead up to it. */
  | {
      readonly type: "begin";
      readonly channel: string;
      readonly position: Position | undefined;
      readonly recovered: boolean;
      readonly publications: readonly Publication[];
    }
  | {
      readonly type: "message";
      readonly channel: string;
      readonly data: unknown;
      /** Absent for what is live only. */
      readonly position: Position | undefined;
      readonly skipped: number;
      /** Who published it, and what of theirs it is of: of what clients publish. */
      readonly from: string | undefined;
      readonly key: string | undefined;
    }
  /** Messages are missing for good; the feed goes on, behind `position` in a channel that has any. */
  | { readonly type: "lost"; readonly channel: string; readonly position: Position | undefined }
  /** Nothing is heard until `resumed` or `lost`. */
  | { readonly type: "interrupted"; readonly channel: string }
  /** Nothing is missing: what was missed follows as messages. */
  | { readonly type: "resumed"; readonly channel: string }
  /** Who is there now. */
  | ({ readonly type: "presence"; readonly channel: string } & Present)
  | { readonly type: "ended"; readonly channel: string; readonly error: RealtimeError };

/** What a subscription asks for, as the protocol names it; all but `presence` are of simulations. */
export interface ChannelOptions {
  /** With `true`, this user is shown in the channel to the others who are, and hears of them. */
  readonly presence?: boolean;
  /** With `binary`, messages are `Uint8Array`s in the layout of the simulator (`decodeFrame` of `@weft/simulator/frames`). */
  readonly encoding?: "json" | "binary";
  /** All components unless given. */
  readonly detail?: "overview" | "all" | readonly string[];
  /** One message in this time at most, 1 to 60 000; the newest wins. */
  readonly everyMs?: number;
}

/** The channels of a connection, whichever tab has it. */
export interface ChannelSource {
  /**
   * Listens to a channel: a `begin` or `ended` event answers. `from` is up to where everything is known, `recent` the last
   * publications that led there, for others who know less.
   */
  join(channel: string, options: ChannelOptions, from: Position | undefined, recent: readonly Publication[]): void;
  leave(channel: string): void;
}

/** As many publications as a server keeps: who is further behind cannot be helped by it either. */
const maxRecent = 256;

/** Adds a publication to the recent ones. */
export function remember(recent: Publication[], publication: Publication): void {
  recent.push(publication);
  if (recent.length > maxRecent) {
    recent.shift();
  }
}
