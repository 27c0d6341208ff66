import type { FrameCodec } from "./frame-codec.ts";
import type { SubscriptionOptions } from "./protocol.ts";

/** Which form of a channel's messages a subscriber gets. Those with the same `key` get the very same bytes. */
export interface FrameView {
  readonly codec: FrameCodec;
  /** Of a simulation's frames. */
  readonly encoding: "json" | "binary";
  /** Ids of the components to keep; all when undefined. */
  readonly components: readonly string[] | undefined;
  readonly key: string;
}

/** Of those who asked for nothing in particular, who are most: one object for all of a codec. */
const plainViews = new WeakMap<FrameCodec, FrameView>();

export function frameViewOf({ encoding, detail }: SubscriptionOptions, codec: FrameCodec): FrameView {
  if (encoding !== undefined || detail !== undefined) {
    return newView(codec, encoding, detail);
  }
  const view = plainViews.get(codec) ?? newView(codec, encoding, detail);
  plainViews.set(codec, view);
  return view;
}

function newView(
  codec: FrameCodec,
  encoding: SubscriptionOptions["encoding"] = "json",
  detail: SubscriptionOptions["detail"] = "all",
): FrameView {
  const components = detail === "overview" ? [] : detail === "all" ? undefined : detail;
  const key = `${codec.subprotocol} ${encoding} ${components === undefined ? "all" : JSON.stringify(components)}`;
  return { codec, encoding, components, key };
}
