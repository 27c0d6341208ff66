import { type Clock, type Random, systemClock, systemRandom } from "./clock.ts";

/*
 * What the client needs of the place it runs in, each as small as it is used, and where browsers and Node have it. All of
 * it can be given as an option instead: another WebSocket, or a page, locks and tabs that a test scripts.
 */

/** What is read of events: `data` of messages, `code` and `reason` of a close. */
export interface EventLike {
  readonly type?: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
}

/** A WebSocket, as browsers, Node and the package `ws` have it. */
export interface WebSocketLike {
  /** What binary messages come as; it is set to "arraybuffer". */
  binaryType?: string;
  /** What the server has chosen of the subprotocols. */
  readonly protocol?: string;
  send(frame: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open" | "message" | "close" | "error", listener: (event: EventLike) => void): void;
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** The part of an answer to `fetch` that is used. */
export interface ResponseLike {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: { getReader(): { read(): Promise<{ readonly done: boolean; readonly value?: unknown }> } } | null;
  json(): Promise<unknown>;
}

export interface RequestLike {
  readonly method: "GET" | "POST";
  readonly headers: Record<string, string>;
  readonly cache: "no-store";
  readonly signal: AbortSignal;
}

/** `fetch`, as browsers and Node have it. */
export type FetchLike = (url: string, request: RequestLike) => Promise<ResponseLike>;

/** News of the page that a connection may not have survived. */
export interface PageEvents {
  /** Calls `woke` when the page is seen or online again, `offline` when the network is gone; gives what ends that. */
  listen(listener: { readonly woke: () => void; readonly offline: () => void }): () => void;
}

/** The part of `navigator.locks` that is used. */
export interface LocksLike {
  request(
    name: string,
    options: { readonly signal: AbortSignal } | { readonly steal: true },
    held: () => Promise<void>,
  ): Promise<unknown>;
}

export interface BroadcastChannelLike {
  postMessage(message: unknown): void;
  close(): void;
  addEventListener(type: "message", listener: (event: EventLike) => void): void;
}

export type BroadcastChannelConstructor = new (name: string) => BroadcastChannelLike;

export interface Platform {
  readonly clock: Clock;
  readonly random: Random;
  readonly WebSocket: WebSocketConstructor | undefined;
  readonly fetch: FetchLike | undefined;
  /** Absent outside of pages. */
  readonly page: PageEvents | undefined;
  readonly locks: LocksLike | undefined;
  readonly BroadcastChannel: BroadcastChannelConstructor | undefined;
}

interface Events {
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

interface Globals extends Events {
  readonly WebSocket?: WebSocketConstructor;
  readonly fetch?: FetchLike;
  readonly BroadcastChannel?: BroadcastChannelConstructor;
  readonly navigator?: { readonly locks?: LocksLike };
  readonly document?: Events & { readonly visibilityState?: string };
}

/** What this browser or this Node has. */
export function systemPlatform(): Platform {
  const globals = globalThis as unknown as Globals;
  return {
    clock: systemClock,
    random: systemRandom,
    WebSocket: globals.WebSocket,
    // Browsers refuse a fetch that is called as a method of something else.
    fetch: globals.fetch === undefined ? undefined : (url, request) => (globals.fetch as FetchLike)(url, request),
    page: globals.document === undefined ? undefined : pageEvents(globals, globals.document),
    // Absent in pages that are neither https nor local, and in Node before 24.
    locks: globals.navigator?.locks,
    BroadcastChannel: globals.BroadcastChannel,
  };
}

function pageEvents(window: Events, document: Events & { readonly visibilityState?: string }): PageEvents {
  return {
    listen: ({ woke, offline }) => {
      const seen = () => {
        if (document.visibilityState === "visible") {
          woke();
        }
      };
      const listening: readonly [Events, string, () => void][] = [
        [document, "visibilitychange", seen],
        [window, "pageshow", seen],
        [window, "online", woke],
        [window, "offline", offline],
      ];
      for (const [target, type, listener] of listening) {
        target.addEventListener?.(type, listener);
      }
      return () => {
        for (const [target, type, listener] of listening) {
          target.removeEventListener?.(type, listener);
        }
      };
    },
  };
}
