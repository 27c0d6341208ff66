import { faultsOfHistory, type PublishedChange, type ReaderEvent } from "@weft/mesh/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ConnectOptions, RealtimeClient } from "../src/index.ts";
import { ClientFixture } from "./client-fixture.ts";

/*
 * Whatever happens to a connection, a subscriber's history is as the channel promises: every publication once and in order,
 * or the word that some are missing. Two subscribers are watched, as two things are promised: who keeps no state has every
 * publication between two such words; who loads one never misses anything that state and feed together do not know.
 */

const channel = "project:p";

type Step =
  | { readonly do: "publish"; readonly times: number }
  | { readonly do: "wait"; readonly ms: number }
  | {
      readonly do:
        | "cut"
        | "silence"
        | "wake"
        | "hole"
        | "repeat"
        | "gap"
        | "lose epoch"
        | "end"
        | "expire"
        | "expiring";
    }
  | { readonly do: "token"; readonly works: boolean }
  | { readonly do: "network"; readonly isDown: boolean }
  | { readonly do: "block WebSockets"; readonly isBlocked: boolean }
  | { readonly do: "another channel" }
  | { readonly do: "refuse" | "ignore"; readonly command: "subscribe" | "connect" | "none" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("publish" as const), times: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(0, 1, 2, 3, 700, 30_000) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        ...(["cut", "silence", "wake", "hole", "repeat", "gap", "lose epoch", "end", "expire", "expiring"] as const),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("token" as const), works: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("network" as const), isDown: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("block WebSockets" as const), isBlocked: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("another channel" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("refuse" as const, "ignore" as const),
      command: fc.constantFrom("subscribe" as const, "connect" as const, "none" as const),
    }),
  },
);

class Run {
  readonly fixture = new ClientFixture();
  readonly published: PublishedChange[] = [];
  readonly plain: ReaderEvent[] = [];
  readonly loading: ReaderEvent[] = [];
  #loads = 0;
  #others = 0;
  readonly #client: RealtimeClient;
  tokenWorks = true;

  constructor(options: Partial<ConnectOptions>) {
    const { fixture } = this;
    fixture.token = () => {
      if (!this.tokenWorks) {
        throw new Error("no token for the moment");
      }
      return "token";
    };
    const client = fixture.connect(options);
    this.#client = client;
    // What a state is loaded with is known before it begins to be: "told of a loss" names where the feed goes on from.
    client.subscribe<string>(channel, {
      onMessage: (payload, { position }) =>
        this.plain.push({ kind: "pushed", publication: { offset: position?.offset ?? 0, payload } }),
      onState: (state) => {
        if (state.status === "subscribed" && !state.recovered && state.position !== undefined) {
          this.plain.push({ kind: "told of a loss", position: state.position });
          this.plain.push({ kind: "loaded", payloads: this.#state() });
        }
      },
    });
    const subscription = client.subscribe<string, readonly string[]>(channel, {
      onMessage: (payload, { position }) =>
        this.loading.push({ kind: "pushed", publication: { offset: position?.offset ?? 0, payload } }),
      getState: async () => {
        const at = subscription.position;
        const payloads = this.#state();
        this.#loads += 1;
        await fixture.clock.sleep((this.#loads * 7) % 40);
        if (this.#loads % 3 === 0) {
          throw new Error("could not be loaded");
        }
        this.#loadedAt = at;
        return payloads;
      },
      onLoad: (payloads) => {
        if (this.#loadedAt !== undefined) {
          this.loading.push({ kind: "told of a loss", position: this.#loadedAt });
        }
        this.loading.push({ kind: "loaded", payloads });
      },
    });
  }

  #loadedAt: { readonly epoch: string; readonly offset: number } | undefined;

  #state(): string[] {
    return this.published.map(({ payload }) => payload);
  }

  publish(): void {
    const payload = `change ${this.published.length + 1}`;
    this.published.push({ position: this.fixture.gateway.publish(channel, payload), payload });
  }

  async take(taken: Step): Promise<void> {
    const { clock, gateway, network, page } = this.fixture;
    const connection = (network.open[0] ?? network.openStreams[0])?.connection;
    const { epoch, offset } = gateway.channel(channel);
    switch (taken.do) {
      case "publish":
        for (let time = 0; time < taken.times; time += 1) this.publish();
        return;
      case "wait":
        return clock.advance(taken.ms);
      case "cut":
        return network.cut();
      case "silence":
        return network.silence();
      case "wake":
        return page?.woke();
      case "hole":
        if (connection?.subscribed.has(channel) === true) connection.holes += 1;
        return;
      case "repeat":
        return connection?.repeat();
      case "gap":
        if (connection?.subscribed.has(channel) === true) connection.notice({ code: "gap", channel, epoch, offset });
        return;
      case "lose epoch":
        return gateway.loseEpoch(channel);
      case "end":
        return gateway.endSubscriptions(channel, "insufficient_state");
      case "expire":
        // Before it is recognised, it is refused: twice, and nobody is signed in.
        for (const each of [...gateway.connections].filter(({ token }) => token !== undefined)) {
          each.close(4401, "token_expired");
        }
        return;
      case "expiring":
        return connection?.notice({ code: "token_expiring" });
      case "token":
        this.tokenWorks = taken.works;
        return;
      case "block WebSockets":
        network.blocksWebSockets = taken.isBlocked;
        return;
      case "another channel":
        this.#others += 1;
        this.#client.subscribe(`project:other${this.#others}`, { onMessage: () => undefined });
        return;
      case "network":
        network.isDown = taken.isDown;
        return;
      case "refuse": {
        const refusal = taken.command === "subscribe" ? { code: "unavailable", message: "later" } : undefined;
        gateway.refuse = () => refusal;
        return;
      }
      case "ignore":
        gateway.ignores = (command) => command === taken.command;
        return;
    }
  }

  /** Everything works again, and one more publication shows where everybody is. */
  async heal(): Promise<void> {
    const { clock, gateway, network } = this.fixture;
    this.tokenWorks = true;
    network.isDown = false;
    gateway.refuse = () => undefined;
    gateway.ignores = () => false;
    for (const { connection } of [...network.open, ...network.openStreams]) {
      Object.assign(connection ?? {}, { holes: 0 });
    }
    await clock.advance(120_000);
    this.publish();
    await clock.advance(1000);
    this.publish();
    await clock.advance(60_000);
  }
}

describe("the history of a subscriber", () => {
  it.each([
    ["its connection", {}, false, 150],
    // Tried at once where no WebSocket opens, and left as soon as it ends.
    ["the stream of events that it falls back to", { webSocketAttempts: 1, retryWebSocketMs: 1 }, true, 80],
  ])("is whole, whatever happens to %s", async (_to, options, isBlocked, numRuns) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const run = new Run(options);
        run.fixture.network.blocksWebSockets = isBlocked;
        const forgets = steps.some((each) => each.do === "gap" || each.do === "lose epoch");
        run.fixture.gateway.historySize = forgets ? 8 : 256;
        for (const each of steps) {
          await run.take(each);
        }
        await run.heal();
        await run.fixture.close();
        expect(faultsOfHistory(run.published, run.plain)).toEqual([]);
        expect(faultsOfHistory(run.published, run.loading)).toEqual([]);
        // Where the server forgets nothing, nobody is told so after the beginning.
        const losses = run.plain.filter(({ kind }) => kind === "told of a loss").length;
        expect(forgets ? 1 : losses).toBe(1);
        expect(run.fixture.errors).toEqual([]);
      }),
      { numRuns, seed: 20260731 },
    );
  });
});
