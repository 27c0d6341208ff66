import type { Channel } from "./channel.ts";
import { encodePush } from "./server-frames.ts";

/**
 * One message of the live feed, on its way to any number of subscribers. It is encoded once for all who want the same of
 * it, whether they are one or a thousand.
 */
export class LiveMessage {
  readonly channel: Channel;
  readonly #json: string;
  readonly #value: unknown;
  readonly #payloads = new Map<string, string>();
  readonly #pushes = new Map<string, Buffer>();

  private constructor(channel: Channel, json: string, value: unknown) {
    this.channel = channel;
    this.#json = json;
    this.#value = value;
  }

  /** Undefined when the payload is no JSON: it would break every frame that carries it. */
  static from(channel: Channel, payload: Buffer): LiveMessage | undefined {
    const json = payload.toString("utf8");
    try {
      return new LiveMessage(channel, json, JSON.parse(json));
    } catch {
      return undefined;
    }
  }

  /** Whether it says that other people may read the project from now on, or nobody. */
  get changesAccess(): boolean {
    const type = (this.#value as { readonly type?: unknown } | null)?.type;
    return this.channel.kind === "project" && (type === "members" || type === "deleted");
  }

  /** The frame to send; with `components`, of a simulation's components only those; `skipped` as in `encodePush`. */
  push(components: readonly string[] | undefined, skipped: number): Buffer {
    const key = components === undefined ? "" : JSON.stringify(components);
    if (skipped > 0) {
      return encodePush(this.channel, this.#payload(components, key), skipped);
    }
    let frame = this.#pushes.get(key);
    if (frame === undefined) {
      frame = encodePush(this.channel, this.#payload(components, key));
      this.#pushes.set(key, frame);
    }
    return frame;
  }

  #payload(components: readonly string[] | undefined, key: string): string {
    if (components === undefined || !hasComponents(this.#value)) {
      return this.#json;
    }
    let payload = this.#payloads.get(key);
    if (payload === undefined) {
      const kept = this.#value.components.filter((component) => components.includes(component?.id ?? ""));
      payload = JSON.stringify({ ...this.#value, components: kept });
      this.#payloads.set(key, payload);
    }
    return payload;
  }
}

function hasComponents(value: unknown): value is { readonly components: readonly ({ readonly id?: string } | null)[] } {
  return typeof value === "object" && value !== null && Array.isArray((value as { components?: unknown }).components);
}
