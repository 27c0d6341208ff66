import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ClientFixture } from "./client-fixture.ts";

const channel = "project:p";
let fixture: ClientFixture;

beforeEach(() => {
  fixture = new ClientFixture();
});
afterEach(() => fixture.close());

describe("a subscription", () => {
  it("hears every message once, and says that what was before has to be loaded", async () => {
    const { gateway } = fixture;
    gateway.publish(channel, "before");
    const { told, subscription } = fixture.subscribe(fixture.connect(), channel);
    await fixture.settle();
    gateway.publish(channel, 1);
    gateway.publish(channel, 2);
    await fixture.settle();
    expect(told).toEqual(["not recovered", 1, 2]);
    expect(subscription.position).toEqual({ epoch: "epoch1", offset: 3 });
  });

  it("goes on without a hole when the connection breaks", async () => {
    const { gateway, network } = fixture;
    const { told } = fixture.subscribe(fixture.connect(), channel);
    await fixture.settle();
    gateway.publish(channel, 1);
    await fixture.settle();
    network.cut();
    gateway.publish(channel, 2);
    gateway.publish(channel, 3);
    await fixture.clock.advance(1000);
    gateway.publish(channel, 4);
    await fixture.settle();
    expect(told).toEqual(["not recovered", 1, "subscribing", "recovered", 2, 3, 4]);
  });

  it("is told when not everything could be recovered", async () => {
    const { gateway, network } = fixture;
    gateway.historySize = 2;
    const { told } = fixture.subscribe(fixture.connect(), channel);
    await fixture.settle();
    network.cut();
    for (const message of [1, 2, 3]) {
      gateway.publish(channel, message);
    }
    await fixture.clock.advance(1000);
    gateway.publish(channel, 4);
    await fixture.settle();
    expect(told).toEqual(["not recovered", "subscribing", "not recovered", 4]);
  });

  it("of a latest-wins channel begins anew after a break, and hears of gaps", async () => {
    const { gateway, network } = fixture;
    const { told } = fixture.subscribe(fixture.connect(), "simulation:s", { options: { everyMs: 100 } });
    await fixture.settle();
    gateway.publish("simulation:s", 1);
    await fixture.settle();
    network.open[0]?.connection?.notice({ code: "gap", channel: "simulation:s" });
    gateway.publish("simulation:s", 2);
    network.open[0]?.connection?.repeat();
    await fixture.settle();
    network.cut();
    gateway.publish("simulation:s", 3);
    await fixture.clock.advance(1000);
    expect(told).toEqual(["not recovered", 1, "not recovered", 2, 2, "subscribing", "not recovered"]);
    expect(gateway.received.find(({ command }) => command === "subscribe")?.body).toEqual({
      channel: "simulation:s",
      everyMs: 100,
    });
  });

  it("drops repeats and asks again where a push is missing", async () => {
    const { gateway, network } = fixture;
    const { told } = fixture.subscribe(fixture.connect(), channel);
    await fixture.settle();
    gateway.publish(channel, 1);
    const connection = network.open[0]?.connection;
    connection?.repeat();
    await fixture.settle();
    expect(gateway.count("subscribe")).toBe(1);
    Object.assign(connection ?? {}, { holes: 1 });
    gateway.publish(channel, 2);
    gateway.publish(channel, 3);
    gateway.publish(channel, 4);
    await fixture.settle();
    expect(told).toEqual(["not recovered", 1, "recovered", 2, 3, 4]);
    expect(gateway.count("subscribe")).toBe(2);
  });

  it("goes on from a gap notice with its position, and says so", async () => {
    const { gateway, network } = fixture;
    const { told, subscription } = fixture.subscribe(fixture.connect(), channel);
    await fixture.settle();
    const { epoch } = gateway.channel(channel);
    Object.assign(network.open[0]?.connection ?? {}, { holes: 1 });
    gateway.publish(channel, "lost");
    network.open[0]?.connection?.notice({ code: "gap", channel, epoch, offset: 1 });
    gateway.publish(channel, 2);
    await fixture.settle();
    expect(told).toEqual(["not recovered", "not recovered", 2]);
    expect(subscription.position).toEqual({ epoch, offset: 2 });
  });

  it("subscribes again where it was when it is ended for insufficient state", async () => {
    const { gateway } = fixture;
    const { told } = fixture.subscribe(fixture.connect(), channel);
    await fixture.settle();
    gateway.publish(channel, 1);
    await fixture.settle();
    gateway.endSubscriptions(channel, "insufficient_state");
    await fixture.settle();
    gateway.loseEpoch(channel);
    await fixture.settle();
    gateway.publish(channel, 2);
    await fixture.settle();
    expect(told).toEqual(["not recovered", 1, "recovered", "not recovered", 2]);
  });

  it("ends with what forbids it, and tries again what may pass", async () => {
    const { gateway } = fixture;
    const client = fixture.connect();
    const refusals = [{ code: "unavailable", message: "later", reason: "CHANNEL_UNAVAILABLE" }];
    gateway.refuse = () => refusals.pop();
    const { told } = fixture.subscribe(client, channel);
    await fixture.clock.advance(1000);
    expect(told).toEqual(["not recovered"]);
    gateway.refuse = () => ({ code: "permission_denied", message: "not yours" });
    const other = fixture.subscribe(client, "project:other");
    gateway.endSubscriptions(channel, "not_found");
    await fixture.settle();
    expect(other.told).toEqual(["ended: permission_denied"]);
    expect(told).toEqual(["not recovered", "ended: not_found"]);
    expect(other.subscription.state.status).toBe("ended");
  });

  it("is repeated when no answer comes, after the first has been taken back", async () => {
    const { gateway } = fixture;
    gateway.ignores = (command) => command === "subscribe";
    const { told } = fixture.subscribe(fixture.connect(), channel);
    await fixture.clock.advance(10_020);
    gateway.ignores = () => false;
    expect(gateway.count("unsubscribe")).toBe(1);
    await fixture.clock.advance(1000);
    expect(told).toEqual(["not recovered"]);
  });

  it("that is made anew does not take the answer to the one before", async () => {
    const { gateway } = fixture;
    const client = fixture.connect();
    await fixture.settle();
    const refusals = [{ code: "permission_denied", message: "not yet" }];
    gateway.refuse = () => refusals.pop();
    const first = fixture.subscribe(client, channel);
    await fixture.clock.advance(1);
    first.subscription.unsubscribe();
    const second = fixture.subscribe(client, channel);
    await fixture.settle();
    gateway.publish(channel, 1);
    await fixture.settle();
    expect(refusals).toEqual([]);
    expect(second.told).toEqual(["not recovered", 1]);
    expect(first.told).toEqual([]);
  });

  it("is one to the server however many share it, and ends with the last of them", async () => {
    const { gateway } = fixture;
    const client = fixture.connect();
    const first = fixture.subscribe(client, channel);
    await fixture.settle();
    gateway.publish(channel, 1);
    await fixture.settle();
    const second = fixture.subscribe(client, channel);
    await fixture.settle();
    gateway.publish(channel, 2);
    await fixture.settle();
    first.subscription.unsubscribe();
    first.subscription.unsubscribe();
    gateway.publish(channel, 3);
    await fixture.settle();
    expect(gateway.count("subscribe")).toBe(1);
    second.subscription.unsubscribe();
    await fixture.settle();
    expect(gateway.count("unsubscribe")).toBe(1);
    expect(first.told).toEqual(["not recovered", 1, 2]);
    expect(second.told).toEqual(["not recovered", 2, 3]);
  });

  it("goes on from a position that was kept, also behind a state of its own", async () => {
    const { gateway } = fixture;
    const from = gateway.publish(channel, 1);
    gateway.publish(channel, 2);
    const client = fixture.connect();
    const { told } = fixture.subscribe(client, channel, { from });
    await fixture.settle();
    expect(told).toEqual(["recovered", 2]);
    expect(() => client.subscribe(channel, { onMessage: () => undefined, options: { everyMs: 5 } })).toThrow(
      expect.objectContaining({ code: "options_conflict" }),
    );
  });

  it("does not fall over handlers that throw, and tells of them", async () => {
    const { gateway } = fixture;
    const told: unknown[] = [];
    fixture.subscribe(fixture.connect(), channel, {
      onMessage: (message) => {
        told.push(message);
        throw new Error(`cannot take ${message}`);
      },
    });
    await fixture.settle();
    gateway.publish(channel, 1);
    gateway.publish(channel, 2);
    await fixture.settle();
    expect(told).toEqual([1, 2]);
    expect(fixture.errors.map(String)).toEqual(["Error: cannot take 1", "Error: cannot take 2"]);
  });
});
