import type { ChannelPosition } from "@weft/mesh";
import { restampFrame } from "@weft/simulator/frames";
import { type Channel, takesPublications } from "./channel.ts";
import { type ClientPublication, readClientPublication } from "./client-publication.ts";
import type { Encoded } from "./frame-codec.ts";
import type { FrameView } from "./frame-view.ts";
import { type LiveContent, liveContentFrom } from "./live-content.ts";

/**
 * One message of the live feed, on its way to any number of subscribers. It is read once, and encoded once for all who
 * want the same of it in the same form, whether they are one or a thousand; only who was skipped gets bytes of their own,
 * which say so.
 */
export class LiveMessage {
  readonly channel: Channel;
  /** Its place in a recoverable channel; undefined for what is live only. */
  readonly position: ChannelPosition | undefined;
  readonly #content: LiveContent;
  readonly #author: ClientPublication | undefined;
  /** What it is in the view that was asked for first, which mostly is that of all. */
  #firstKey: string | undefined;
  #firstPush: Encoded | undefined;
  /** In the other views. */
  #pushes: Map<string, Encoded> | undefined;
  /** Its payloads, for those who were skipped and get bytes of their own. */
  #payloads: Map<string, string | Uint8Array> | undefined;

  private constructor(
    channel: Channel,
    content: LiveContent,
    position: ChannelPosition | undefined,
    author: ClientPublication | undefined,
  ) {
    this.channel = channel;
    this.position = position;
    this.#content = content;
    this.#author = author;
  }

  /** Undefined when the payload cannot be read. */
  static from(channel: Channel, payload: Buffer | string, position?: ChannelPosition): LiveMessage | undefined {
    const publication = takesPublications(channel) ? readClientPublication(payload) : undefined;
    if (publication === undefined && takesPublications(channel)) {
      return undefined;
    }
    const content = liveContentFrom(publication?.json ?? payload);
    return content === undefined ? undefined : new LiveMessage(channel, content, position, publication);
  }

  /** Of its channel, what it replaces: a newer message of the same slot says all that this one did. */
  get slot(): string {
    return this.#author?.slot ?? "";
  }

  /** Whether it says that other people may read the project from now on, or nobody. */
  get changesAccess(): boolean {
    const type = (this.#content.value as { readonly type?: unknown } | null | undefined)?.type;
    return this.channel.kind === "project" && (type === "members" || type === "deleted");
  }

  /** Whole, as JSON text. */
  get json(): string {
    return this.#content.json(undefined);
  }

  /** What to send to a subscriber with this view who has missed `skipped` messages before this one. */
  push(view: FrameView, skipped: number): Encoded {
    if (skipped === 0) {
      return this.#firstKey === view.key ? (this.#firstPush as Encoded) : this.#another(view);
    }
    this.#payloads ??= new Map();
    const payload = this.#payloads.get(view.key) ?? this.#payload(view);
    this.#payloads.set(view.key, payload);
    return this.#encode(view, typeof payload === "string" ? payload : restampFrame(payload, { skipped }), skipped);
  }

  #another(view: FrameView): Encoded {
    const push = this.#pushes?.get(view.key) ?? this.#encode(view, this.#payload(view), 0);
    if (this.#firstKey === undefined) {
      this.#firstKey = view.key;
      this.#firstPush = push;
    } else {
      this.#pushes ??= new Map();
      this.#pushes.set(view.key, push);
    }
    return push;
  }

  #encode({ codec }: FrameView, data: string | Uint8Array, skipped: number): Encoded {
    return codec.encode({
      kind: "push",
      channel: this.channel.name,
      data,
      offset: this.position?.offset,
      skipped,
      from: this.#author?.from,
      key: this.#author?.key,
    });
  }

  #payload({ encoding, components }: FrameView): string | Uint8Array {
    const binary = encoding === "binary" ? this.#content.binary(components) : undefined;
    return binary ?? this.#content.json(components);
  }
}
