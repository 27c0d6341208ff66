import { ChannelHub } from "../channel-hub.ts";
import { randomName, type Timer } from "../clock.ts";
import { RealtimeError } from "../errors.ts";
import type { ChannelOptions, FeedEvent } from "../feed-event.ts";
import type { Resolved } from "../options.ts";
import type { BroadcastChannelConstructor, BroadcastChannelLike, LocksLike } from "../platform.ts";
import type { Position, Publication } from "../protocol.ts";
import type { Publish, SettlePublish } from "../publisher.ts";
import type { Source, SourceListener } from "../source.ts";
import { TabJoins } from "./tab-joins.ts";
import { errorOf, eventOf, plainError, plainEvent, plainState, stateOf, type TabMessage } from "./tab-message.ts";
import { TabPublishes } from "./tab-publishes.ts";

/*
 * One connection for all tabs of an origin. A lock that all tabs ask for elects the leader: who holds it has the connection,
 * and the browser gives it to the next as soon as that tab is closed, has crashed or has left. The leader passes on by
 * BroadcastChannel what the others have joined.
 *
 * Nothing is handed over when a leader dies, and so nothing can be lost with it: every tab knows its own positions and its last
 * messages, and joins the new leader from there. Each tab also holds a lock of its own for as long as it lives. The leader
 * waits for that lock, and so learns of a tab that went without a word. No heartbeats: timers of hidden tabs hardly run.
 *
 * A browser that stops a hidden leader (Chrome spares who holds a lock; phones spare nobody) would silence the tab that is
 * seen. So a tab that wakes up asks for the leader, and takes its lock when there is no answer; the former leader finds out
 * when it runs again, and follows.
 */

export interface SharedSourceOptions {
  readonly name: string;
  readonly resolved: Resolved;
  readonly locks: LocksLike;
  readonly BroadcastChannel: BroadcastChannelConstructor;
}

export class SharedSource implements Source {
  readonly #options: SharedSourceOptions;
  readonly #listener: SourceListener;
  readonly #id: string;
  readonly #tabs: BroadcastChannelLike;
  readonly #closed = new AbortController();
  /** Holds the locks of this tab until it is called. */
  readonly #held = Promise.withResolvers<void>();
  /** The lock of this tab is held: the others can find out that it is gone, so it may speak and be heard of. */
  #isPresent = false;
  /** This tab waits for the lock of the leader. */
  #candidacy = new AbortController();
  /** Set in the leader. */
  #hub: ChannelHub | undefined;
  /** Tabs that the leader has heard of. */
  readonly #others = new Set<string>();
  #leader: string | undefined;
  readonly #joins: TabJoins;
  readonly #publishes: TabPublishes;
  /** Until the leader has to show that it runs. */
  #doubtTimer: Timer | undefined;

  constructor(options: SharedSourceOptions, listener: SourceListener) {
    this.#options = options;
    this.#listener = listener;
    this.#id = randomName(options.resolved.platform.random);
    const { platform, durations } = options.resolved;
    this.#joins = new TabJoins(platform.clock, durations.commandTimeoutMs, (channel, join) => {
      if (this.#leader !== undefined) {
        const { from: position, ...others } = join;
        this.#tell({ kind: "join", from: this.#id, to: this.#leader, channel, position, ...others });
      }
    });
    // The leader has this time itself.
    this.#publishes = new TabPublishes(platform.clock, 2 * durations.commandTimeoutMs);
    this.#tabs = new options.BroadcastChannel(options.name);
    this.#tabs.addEventListener("message", ({ data }) => {
      if (this.#isPresent && !this.#closed.signal.aborted) {
        this.#hear(data as TabMessage);
      }
    });
  }

  start(): void {
    this.#lock(lockOfTab(this.#options.name, this.#id), { signal: this.#closed.signal }, () => {
      this.#isPresent = true;
      this.#stand();
      return this.#held.promise;
    });
  }

  join(channel: string, options: ChannelOptions, from: Position | undefined, recent: readonly Publication[]): void {
    if (this.#hub !== undefined) {
      this.#hub.join(this.#id, channel, options, from, recent);
    } else {
      this.#joins.add(channel, { options, from, recent });
    }
  }

  leave(channel: string): void {
    this.#joins.delete(channel);
    if (this.#hub !== undefined) {
      this.#hub.leave(this.#id, channel);
    } else if (this.#leader !== undefined) {
      this.#tell({ kind: "leave", from: this.#id, to: this.#leader, channel });
    }
  }

  publish(publish: Publish, settle: SettlePublish): void {
    if (this.#hub !== undefined) {
      this.#hub.publish(publish, settle);
    } else if (this.#leader === undefined) {
      settle(new RealtimeError("disconnected", "there is no connection; nothing was published"));
    } else {
      this.#tell({ kind: "publish", from: this.#id, to: this.#leader, id: this.#publishes.add(settle), publish });
    }
  }

  retry(): void {
    if (this.#hub === undefined) {
      this.#tell({ kind: "retry", from: this.#id });
    } else {
      this.#hub.connection.retry();
    }
  }

  woke(): void {
    if (this.#hub === undefined) {
      this.#tell({ kind: "woke", from: this.#id });
      const { platform, durations } = this.#options.resolved;
      this.#doubtTimer ??= platform.clock.setTimer(() => this.#take(), durations.wakeTimeoutMs);
    } else {
      this.#hub.connection.woke();
    }
  }

  close(): void {
    this.#tell({ kind: "bye", from: this.#id });
    this.#closed.abort();
    this.#candidacy.abort();
    this.#joins.clear();
    this.#trust();
    this.#publishes.giveUp();
    this.#hub?.close();
    this.#tabs.close();
    this.#held.resolve();
  }

  /** Follows who leads, and leads when it is this tab's turn. */
  #stand(): void {
    this.#tell({ kind: "who", from: this.#id });
    this.#candidacy = new AbortController();
    this.#lock(this.#options.name, { signal: this.#candidacy.signal }, () => this.#lead());
  }

  /** Leads instead of a leader that does not answer. */
  #take(): void {
    this.#candidacy.abort();
    this.#lock(this.#options.name, { steal: true }, () => this.#lead());
  }

  /** Another tab has taken the lock. */
  #stepDown(hub: ChannelHub): void {
    this.#hub = undefined;
    this.#leader = undefined;
    hub.close();
    this.#stand();
  }

  #trust(): void {
    this.#doubtTimer?.cancel();
    this.#doubtTimer = undefined;
  }

  #lead(): Promise<void> {
    this.#leader = this.#id;
    this.#trust();
    this.#joins.clear();
    this.#publishes.giveUp();
    const hub = new ChannelHub(this.#options.resolved, {
      state: (state) => {
        if (this.#hub !== hub) {
          return;
        }
        this.#listener.state(state);
        // That this tab is closed is not the end of the connection for the others.
        this.#tell({ kind: "leader", from: this.#id, state: plainState(state) });
      },
      event: (event, members) => this.#pass(event, [...members]),
    });
    this.#hub = hub;
    this.#listener.restarted();
    hub.connection.retry();
    return this.#held.promise;
  }

  #pass(event: FeedEvent, members: readonly string[]): void {
    const others = members.filter((member) => member !== this.#id);
    if (others.length > 0) {
      const to = members.length === 1 ? members[0] : undefined;
      this.#tell({ kind: "event", from: this.#id, to, event: plainEvent(event) });
    }
    if (others.length < members.length) {
      this.#listener.event(event);
    }
  }

  #hear(message: TabMessage): void {
    if (this.#hub !== undefined) {
      this.#hearAsLeader(message, this.#hub);
    } else if (message.kind === "leader") {
      this.#trust();
      this.#follow(message.from);
      this.#listener.state(stateOf(message.state));
    } else if (message.kind === "event" && message.from === this.#leader) {
      if (message.to === undefined || message.to === this.#id) {
        if (message.event.type === "begin" || message.event.type === "ended") {
          this.#joins.delete(message.event.channel);
        }
        this.#listener.event(eventOf(message.event));
      }
    } else if (message.kind === "published" && message.to === this.#id) {
      this.#publishes.settle(message.id, message.error && errorOf(message.error));
    }
  }

  #hearAsLeader(message: TabMessage, hub: ChannelHub): void {
    this.#meet(message.from);
    switch (message.kind) {
      case "who":
        this.#tell({ kind: "leader", from: this.#id, state: plainState(hub.connection.state) });
        return;
      case "join":
        if (message.to === this.#id) {
          hub.join(message.from, message.channel, message.options, message.position, message.recent);
        }
        return;
      case "publish":
        if (message.to === this.#id) {
          const { from: to, id } = message;
          hub.publish(message.publish, (error) =>
            this.#tell({ kind: "published", from: this.#id, to, id, error: error && plainError(error) }),
          );
        }
        return;
      case "leave":
        hub.leave(message.from, message.channel);
        return;
      case "woke":
        this.#tell({ kind: "leader", from: this.#id, state: plainState(hub.connection.state) });
        hub.connection.woke();
        return;
      case "retry":
        hub.connection.retry();
        return;
      case "bye":
        hub.remove(message.from);
        return;
      default:
        return;
    }
  }

  #follow(leader: string): void {
    if (leader !== this.#leader) {
      this.#leader = leader;
      this.#joins.clear();
      this.#publishes.giveUp();
      this.#listener.restarted();
    }
  }

  /** As the leader: waits for the end of a tab. */
  #meet(tab: string): void {
    if (!this.#others.has(tab)) {
      this.#others.add(tab);
      this.#lock(lockOfTab(this.#options.name, tab), { signal: this.#closed.signal }, () => {
        this.#others.delete(tab);
        this.#hub?.remove(tab);
        return Promise.resolve();
      });
    }
  }

  #lock(name: string, options: Parameters<LocksLike["request"]>[1], held: () => Promise<void>): void {
    const isGivenUp = () => this.#closed.signal.aborted || ("signal" in options && options.signal.aborted);
    let hub: ChannelHub | undefined;
    const granted = () => {
      if (isGivenUp()) {
        return Promise.resolve();
      }
      const holding = held();
      hub = name === this.#options.name ? this.#hub : undefined;
      return holding;
    };
    this.#options.locks.request(name, options, granted).catch((error: unknown) => {
      if (this.#closed.signal.aborted) {
        return;
      }
      if (hub !== undefined && hub === this.#hub) {
        this.#stepDown(hub);
      } else if (!isGivenUp()) {
        this.#options.resolved.onError(error);
      }
    });
  }

  #tell(message: TabMessage): void {
    if (!this.#closed.signal.aborted) {
      this.#tabs.postMessage(message);
    }
  }
}

function lockOfTab(name: string, tab: string): string {
  return `${name}:tab:${tab}`;
}
