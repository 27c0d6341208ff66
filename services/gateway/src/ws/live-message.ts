import type { ChannelPosition } from "@weft/mesh";
import { restampFrame } from "@weft/simulator/frames";
import type { Channel } from "./channel.ts";
import type { FrameView } from "./frame-view.ts";
import { type LiveContent, liveContentFrom } from "./live-content.ts";
import { encodePush } from "./server-frames.ts";

/** The bytes of one WebSocket frame. */
export interface Push {
  readonly bytes: Uint8Array;
  readonly form: "text" | "binary";
}

/**
 * One message of the live feed, on its way to any number of subscribers. It is read once, and encoded once for all who
 * want the same of it, whether they are one or a thousand; only who was skipped gets bytes of their own, which say so.
 */
export class LiveMessage {
  readonly channel: Channel;
  /** Its place in a recoverable channel; undefined for what is live only. */
  readonly position: ChannelPosition | undefined;
  readonly #content: LiveContent;
  readonly #payloads = new Map<string, string>();
  readonly #pushes = new Map<string, Push>();

  private constructor(channel: Channel, content: LiveContent, position: ChannelPosition | undefined) {
    this.channel = channel;
    this.position = position;
    this.#content = content;
  }

  /** Undefined when the payload cannot be read. */
  static from(channel: Channel, payload: Buffer | string, position?: ChannelPosition): LiveMessage | undefined {
    const content = liveContentFrom(payload);
    return content === undefined ? undefined : new LiveMessage(channel, content, position);
  }

  /** Whether it says that other people may read the project from now on, or nobody. */
  get changesAccess(): boolean {
    const type = (this.#content.value as { readonly type?: unknown } | null | undefined)?.type;
    return this.channel.kind === "project" && (type === "members" || type === "deleted");
  }

  /** What to send to a subscriber with this view who has missed `skipped` messages before this one. */
  push(view: FrameView, skipped: number): Push {
    let push = this.#pushes.get(view.key);
    if (push === undefined) {
      push = this.#encode(view);
      this.#pushes.set(view.key, push);
    }
    if (skipped === 0) {
      return push;
    }
    return push.form === "binary"
      ? { bytes: restampFrame(push.bytes, { skipped }), form: "binary" }
      : { bytes: encodePush(this.channel, this.#json(view), { skipped }), form: "text" };
  }

  /** As one of the publications that a recovering subscriber gets with the answer. */
  get publication(): string {
    return `{"offset":${this.position?.offset},"data":${this.#content.json(undefined)}}`;
  }

  #encode(view: FrameView): Push {
    const bytes = view.encoding === "binary" ? this.#content.binary(view.components) : undefined;
    return bytes === undefined
      ? { bytes: encodePush(this.channel, this.#json(view), { offset: this.position?.offset }), form: "text" }
      : { bytes, form: "binary" };
  }

  #json({ key, components }: FrameView): string {
    let payload = this.#payloads.get(key);
    if (payload === undefined) {
      payload = this.#content.json(components);
      this.#payloads.set(key, payload);
    }
    return payload;
  }
}
