import { seededRandom } from "@weft/mesh";
import type { FakeClock } from "@weft/mesh/testing";
import type { BroadcastChannelConstructor, EventLike, LocksLike, PageEvents, Platform } from "../src/index.ts";
import { FakeNetwork } from "./fake-network.ts";
import type { ModelGateway } from "./model-gateway.ts";

/*
 * Tabs of one origin, in memory and on the fake clock: locks that one tab holds at a time, messages that take a millisecond,
 * and tabs that crash: what such a tab has held is free, and nobody hears of it any more.
 */

const latencyMs = 1;

interface LockRequest {
  readonly tab: FakeTab;
  readonly held: () => Promise<void>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class FakeTabs {
  readonly clock: FakeClock;
  readonly gateway: ModelGateway;
  readonly tabs: FakeTab[] = [];
  readonly #locks = new Map<string, LockRequest[]>();

  constructor(clock: FakeClock, gateway: ModelGateway) {
    this.clock = clock;
    this.gateway = gateway;
  }

  open(): FakeTab {
    const tab = new FakeTab(this);
    this.tabs.push(tab);
    return tab;
  }

  /** The first of the queue holds the lock. */
  request(name: string, request: LockRequest, signal: AbortSignal): void {
    const queue = this.#locks.get(name) ?? [];
    this.#locks.set(name, queue);
    queue.push(request);
    signal.addEventListener("abort", () => {
      if (queue.indexOf(request) > 0) {
        this.#remove(queue, request);
      }
      request.reject(signal.reason);
    });
    if (queue.length === 1) {
      this.#grant(queue);
    }
  }

  /** Takes the lock from who holds it. */
  steal(name: string, request: LockRequest): void {
    const queue = this.#locks.get(name) ?? [];
    this.#locks.set(name, queue);
    queue.shift()?.reject(new Error("the lock was stolen"));
    queue.unshift(request);
    this.#grant(queue);
  }

  /** Frees what the tab holds. */
  free(tab: FakeTab): void {
    for (const queue of this.#locks.values()) {
      for (const request of queue.filter((each) => each.tab === tab)) {
        this.#remove(queue, request);
      }
    }
  }

  #grant(queue: LockRequest[]): void {
    const [request] = queue;
    if (request !== undefined) {
      this.clock.setTimer(() => {
        if (queue[0] === request) {
          void request.held().then((result) => {
            this.#remove(queue, request);
            request.resolve(result);
          });
        }
      }, latencyMs);
    }
  }

  #remove(queue: LockRequest[], request: LockRequest): void {
    const at = queue.indexOf(request);
    if (at >= 0) {
      queue.splice(at, 1);
      if (at === 0) {
        this.#grant(queue);
      }
    }
  }
}

export class FakeTab {
  readonly network: FakeNetwork;
  readonly platform: Partial<Platform>;
  isAlive = true;
  page: Parameters<PageEvents["listen"]>[0] | undefined;
  readonly #all: FakeTabs;
  readonly #channels = new Set<FakeChannel>();
  /** What it takes for this tab to hear another. */
  latencyMs = latencyMs;
  #lastHeardMs = 0;

  constructor(all: FakeTabs) {
    this.#all = all;
    this.network = new FakeNetwork(all.clock, all.gateway);
    const locks: LocksLike = {
      request: (name, options, held) =>
        new Promise((resolve, reject) => {
          const request = { tab: this, held, resolve, reject };
          if (this.isAlive && "signal" in options) {
            all.request(name, request, options.signal);
          } else if (this.isAlive) {
            all.steal(name, request);
          }
        }),
    };
    const tab = this;
    const BroadcastChannel: BroadcastChannelConstructor = class extends FakeChannel {
      constructor(name: string) {
        super(name, tab);
        tab.#channels.add(this);
      }
    };
    this.platform = {
      clock: all.clock,
      random: seededRandom(100 + all.tabs.length),
      page: {
        listen: (listener) => {
          this.page = listener;
          return () => undefined;
        },
      },
      WebSocket: this.network.WebSocket,
      fetch: this.network.fetch,
      locks,
      BroadcastChannel,
    };
  }

  /** Ends without a word. */
  crash(): void {
    this.isAlive = false;
    this.network.isDown = true;
    this.network.cut();
    this.#all.free(this);
  }

  tell(name: string, message: unknown): void {
    const data = structuredClone(message);
    for (const tab of this.#all.tabs) {
      if (tab !== this) {
        tab.#hear(name, data);
      }
    }
  }

  /** In the order of telling, however the latency changes. */
  #hear(name: string, data: unknown): void {
    const { clock } = this.#all;
    this.#lastHeardMs = Math.max(this.#lastHeardMs, clock.now() + this.latencyMs);
    clock.setTimer(() => {
      if (this.isAlive) {
        for (const channel of this.#channels) {
          channel.hear(name, data);
        }
      }
    }, this.#lastHeardMs - clock.now());
  }
}

class FakeChannel {
  readonly #name: string;
  readonly #tab: FakeTab;
  #listener: ((event: EventLike) => void) | undefined;
  #isClosed = false;

  constructor(name: string, tab: FakeTab) {
    this.#name = name;
    this.#tab = tab;
  }

  addEventListener(_type: "message", listener: (event: EventLike) => void): void {
    this.#listener = listener;
  }

  hear(name: string, data: unknown): void {
    if (name === this.#name && !this.#isClosed) {
      this.#listener?.({ data });
    }
  }

  postMessage(message: unknown): void {
    if (this.#isClosed) {
      throw new Error("the channel is closed");
    }
    if (this.#tab.isAlive) {
      this.#tab.tell(this.#name, message);
    }
  }

  close(): void {
    this.#isClosed = true;
  }
}
