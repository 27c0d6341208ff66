import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ClientFixture } from "./client-fixture.ts";

const channel = "project:p";
let fixture: ClientFixture;

beforeEach(() => {
  fixture = new ClientFixture();
});
afterEach(() => fixture.close());

describe("a state", () => {
  it("is loaded behind the position, and what comes meanwhile follows it", async () => {
    const { gateway, network } = fixture;
    const loads: PromiseWithResolvers<string>[] = [];
    const getState = () => {
      const load = Promise.withResolvers<string>();
      loads.push(load);
      return load.promise;
    };
    const told: unknown[] = [];
    fixture.subscribe(fixture.connect(), channel, {
      onMessage: (message) => told.push(message),
      onState: ({ status }) => told.push(status),
      getState,
      onLoad: (state) => told.push(`state ${state}`),
      covers: (_state, message) => message === 1,
    });
    await fixture.settle();
    gateway.publish(channel, 1);
    gateway.publish(channel, 2);
    await fixture.settle();
    network.cut();
    gateway.publish(channel, 3);
    await fixture.clock.advance(1000);
    expect(loads.length).toBe(1);
    loads[0]?.resolve("of 1");
    await fixture.settle();
    gateway.publish(channel, 4);
    await fixture.settle();
    expect(told).toEqual(["loading", "subscribing", "loading", "state of 1", 2, 3, "subscribed", 4]);
  });

  it("that is overtaken by a loss is not used, and one that fails is loaded again", async () => {
    const { gateway } = fixture;
    let attempt = 0;
    const aborted: boolean[] = [];
    const first = Promise.withResolvers<string>();
    const { told } = fixture.subscribe(fixture.connect(), channel, {
      getState: ({ signal }) => {
        attempt += 1;
        signal.addEventListener("abort", () => aborted.push(true));
        return attempt === 1
          ? first.promise
          : attempt === 2
            ? Promise.reject(new Error("503"))
            : Promise.resolve("new");
      },
      onLoad: (state) => told.push(state),
    });
    await fixture.settle();
    gateway.publish(channel, 1);
    gateway.loseEpoch(channel);
    await fixture.settle();
    first.resolve("old");
    gateway.publish(channel, 2);
    await fixture.clock.advance(1000);
    expect(told).toEqual(["loading", "loading", "loading failed", "new", 2, "not recovered"]);
    expect(aborted).toEqual([true]);
  });

  it("is loaded again when more waits than may", async () => {
    const { gateway } = fixture;
    const loads: PromiseWithResolvers<string>[] = [];
    const { told } = fixture.subscribe(fixture.connect({ maxWaitingMessages: 2 }), channel, {
      getState: () => {
        const load = Promise.withResolvers<string>();
        loads.push(load);
        return load.promise;
      },
      onLoad: (state) => told.push(state),
    });
    await fixture.settle();
    for (const message of [1, 2, 3, 4]) {
      gateway.publish(channel, message);
    }
    await fixture.settle();
    loads[0]?.resolve("too old");
    await fixture.settle();
    gateway.publish(channel, 5);
    await fixture.settle();
    loads[1]?.resolve("of 4");
    await fixture.settle();
    expect(told).toEqual(["loading", "loading", "of 4", 5, "not recovered"]);
  });
});
