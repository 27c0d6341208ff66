import type { SubscriptionOptions } from "./protocol.ts";

/** Which form of a simulation's frames a subscriber gets. Those with the same `key` get the very same bytes. */
export interface FrameView {
  readonly encoding: "json" | "binary";
  /** Ids of the components to keep; all when undefined. */
  readonly components: readonly string[] | undefined;
  readonly key: string;
}

export function frameViewOf({ encoding = "json", detail, components }: SubscriptionOptions): FrameView {
  const kept = detail === "overview" ? [] : detail === "all" ? undefined : (detail ?? components);
  return { encoding, components: kept, key: `${encoding} ${kept === undefined ? "all" : JSON.stringify(kept)}` };
}
