import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ClientFixture } from "./client-fixture.ts";

const channel = "project:p";
const hourMs = 3_600_000;
let fixture: ClientFixture;

beforeEach(() => {
  fixture = new ClientFixture();
});
afterEach(() => fixture.close());

describe("a computer that has slept, without a word to the page", () => {
  it("finds its connection dead within seconds, and has lost nothing", async () => {
    const { gateway, network, clock } = fixture;
    const { told } = fixture.subscribe(fixture.connect(), channel);
    await fixture.settle();
    network.silence();
    gateway.publish(channel, 1);
    clock.sleepFor(hourMs);
    // To notice, and for the answer that does not come; the ping of a silent connection would be due in 25 s.
    await clock.advance(5000 + 2500);
    await fixture.settle();
    expect(told).toEqual(["not recovered", "subscribing", "recovered", 1]);
  });

  it("keeps a connection that outlived it, after asking", async () => {
    const { gateway, network, clock } = fixture;
    fixture.connect();
    await fixture.settle();
    clock.sleepFor(20_000);
    await clock.advance(5000);
    expect(gateway.count("ping")).toBe(1);
    await clock.advance(10_000);
    expect(network.sockets.length).toBe(1);
  });

  it("does not wait for the rest of a delay", async () => {
    const { network, clock } = fixture;
    network.isDown = true;
    const client = fixture.connect({ reconnectBaseMs: hourMs, reconnectMaxMs: hourMs, eventStream: false });
    await fixture.settle();
    expect(client.state.status).toBe("waiting");
    network.isDown = false;
    clock.sleepFor(hourMs);
    await clock.advance(5000);
    await fixture.settle();
    expect(client.state.status).toBe("connected");
  });

  it("is not assumed of one that is only busy, and not looked for when nobody is signed in", async () => {
    const { gateway, clock } = fixture;
    const client = fixture.connect();
    await fixture.settle();
    clock.sleepFor(3000);
    await clock.advance(5000);
    expect(gateway.count("ping")).toBe(0);
    fixture.token = () => null;
    gateway.closeAll(4401, "token_expired");
    await fixture.settle();
    expect(client.state.status).toBe("unauthenticated");
    expect(clock.pendingTimers).toBe(0);
  });
});
