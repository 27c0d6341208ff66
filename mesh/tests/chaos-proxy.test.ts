import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "../src/random.ts";
import { type ChaosProxy, type ChaosProxyOptions, startChaosProxy } from "../src/testing/chaos-proxy.ts";
import { FakeClock } from "../src/testing/fake-clock.ts";
import { until } from "../src/testing/until.ts";

let target: Server;
/** What the target accepted, in order. */
let accepted: Socket[];
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  accepted = [];
  target = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    accepted.push(socket);
  }).listen(0, "127.0.0.1");
  await once(target, "listening");
  cleanups.push(() => {
    for (const socket of accepted) {
      socket.destroy();
    }
    target.close();
  });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

async function proxied(options: Partial<ChaosProxyOptions> = {}): Promise<ChaosProxy> {
  const { port } = target.address() as AddressInfo;
  const proxy = await startChaosProxy({ target: { host: "127.0.0.1", port }, ...options });
  cleanups.push(() => proxy.close());
  return proxy;
}

/** One end of a connection, with what it got. */
class End {
  readonly socket: Socket;
  text = "";
  ended = false;
  failure = "";

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.text += chunk.toString("latin1");
    });
    socket.on("end", () => {
      this.ended = true;
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.failure = error.code ?? error.message;
    });
  }

  has(text: string): Promise<unknown> {
    return until(`"${text}" has come`, () => this.text === text);
  }
}

async function joined(proxy: ChaosProxy): Promise<{ caller: End; peer: End }> {
  const known = accepted.length;
  const caller = new End(connect({ host: proxy.host, port: proxy.port, allowHalfOpen: true }));
  cleanups.push(() => caller.socket.destroy());
  await until("the target has it", () => accepted.length > known);
  return { caller, peer: new End(accepted[known] as Socket) };
}

describe("a chaos proxy without a fault", () => {
  test("passes bytes and ends in both directions, and counts", async () => {
    const proxy = await proxied();
    const { caller, peer } = await joined(proxy);
    caller.socket.write("question");
    await peer.has("question");
    peer.socket.end("yes");
    await caller.has("yes");
    await until("the caller sees the end", () => caller.ended);
    expect(proxy).toMatchObject({ accepted: 1, open: 1, bytes: { up: 8, down: 3 } });
    caller.socket.end();
    await until("it is over", () => proxy.open === 0);
    expect(caller.failure + peer.failure).toBe("");
  });

  test("takes no more from a sender than a slow receiver allows, and loses nothing", async () => {
    const proxy = await proxied();
    const { caller, peer } = await joined(proxy);
    const other = await joined(proxy);
    peer.socket.pause();
    const block = Buffer.alloc(32 * 1024 * 1024, "0123456789");
    caller.socket.write(block);
    for (let round = 1; round <= 100; round += 1) {
      other.caller.socket.write("x");
      await other.peer.has("x".repeat(round));
    }
    expect(caller.socket.writableLength).toBeGreaterThan(0);
    peer.socket.removeAllListeners("data");
    let received = 0;
    let same = true;
    peer.socket.on("data", (chunk: Buffer) => {
      same &&= chunk.equals(block.subarray(received, received + chunk.length));
      received += chunk.length;
    });
    peer.socket.resume();
    await until("all of it has come", () => received === block.length);
    expect(same).toBe(true);
  });

  test("passes a target's refusal on as a reset", async () => {
    const proxy = await proxied();
    target.close();
    await once(target, "close");
    const caller = new End(connect(proxy.port, proxy.host));
    await until("it is reset", () => caller.failure === "ECONNRESET");
  });
});

describe("a chaos proxy with latency and a limited line", () => {
  test("delays one direction by the latency and leaves the other alone", async () => {
    const clock = new FakeClock();
    const proxy = await proxied({ clock });
    const { caller, peer } = await joined(proxy);
    proxy.set({ latencyMs: 50 }, "up");
    caller.socket.write("question");
    await until("it is on its way", () => clock.pendingTimers === 1);
    peer.socket.write("unasked");
    await caller.has("unasked");
    await clock.advance(49);
    expect(proxy.bytes.up).toBe(0);
    await clock.advance(1);
    await peer.has("question");
  });

  test("keeps the order of what it delays by different times", async () => {
    const clock = new FakeClock();
    const proxy = await proxied({ clock, random: seededRandom(7) });
    proxy.set({ jitterMs: 100 });
    const { caller, peer } = await joined(proxy);
    caller.socket.setNoDelay(true);
    let sent = "";
    for (let part = 0; part < 20; part += 1) {
      caller.socket.write(`${part},`);
      sent += `${part},`;
      await clock.advance(3);
    }
    await until("all of it has come", async () => {
      await clock.advance(10);
      return peer.text.length === sent.length;
    });
    expect(peer.text).toBe(sent);
  });

  test("passes no more than the line carries, and all at once when it is healed", async () => {
    const clock = new FakeClock();
    const proxy = await proxied({ clock });
    const { caller, peer } = await joined(proxy);
    proxy.set({ bytesPerSecond: 1000 }, "up");
    caller.socket.write("z".repeat(3000));
    await until("the line is busy", () => clock.pendingTimers === 1);
    await clock.advance(500);
    expect(proxy.bytes.up).toBe(520);
    await clock.advance(1000);
    expect(proxy.bytes.up).toBe(1520);
    proxy.heal();
    await clock.advance(20);
    await peer.has("z".repeat(3000));
  });
});

describe("a chaos proxy that cuts", () => {
  test("resets both sides of every connection, and serves the next", async () => {
    const proxy = await proxied();
    const both = [await joined(proxy), await joined(proxy)];
    proxy.reset();
    await until("all four ends know", () =>
      both.every(({ caller, peer }) => caller.failure === "ECONNRESET" && peer.failure === "ECONNRESET"),
    );
    expect(proxy.open).toBe(0);
    const { caller, peer } = await joined(proxy);
    caller.socket.write("again");
    await peer.has("again");
  });

  test("resets as many of the next connections as it was told", async () => {
    const proxy = await proxied();
    proxy.resetNext(2);
    const callers = [1, 2].map(() => new End(connect(proxy.port, proxy.host)));
    await until("both are reset", () => callers.every(({ failure }) => failure === "ECONNRESET"));
    const { caller, peer } = await joined(proxy);
    caller.socket.write("third");
    await peer.has("third");
    expect([proxy.accepted, accepted.length]).toEqual([3, 1]);
  });

  test("makes the reset of one side a reset of the other", async () => {
    const { caller, peer } = await joined(await proxied());
    peer.socket.resetAndDestroy();
    await until("the caller knows", () => caller.failure === "ECONNRESET");
  });

  test.each(["up", "down"] as const)("ends one direction, %s, and goes on with the other", async (direction) => {
    const proxy = await proxied();
    const { caller, peer } = await joined(proxy);
    const [ended, open] = direction === "down" ? [caller, peer] : [peer, caller];
    proxy.halfClose(direction);
    await until("one side sees the end", () => ended.ended);
    ended.socket.write("still here");
    await open.has("still here");
    expect(open.ended).toBe(false);
  });

  test("refuses callers while it does not listen, and comes back at the same port", async () => {
    const proxy = await proxied();
    const old = await joined(proxy);
    proxy.refuse();
    const refused = new End(connect(proxy.port, proxy.host));
    await until("it is refused", () => refused.failure === "ECONNREFUSED");
    old.caller.socket.write("old ones live");
    await old.peer.has("old ones live");
    await proxy.accept();
    const { caller, peer } = await joined(proxy);
    caller.socket.write("back");
    await peer.has("back");
  });
});

describe("a chaos proxy that is a blackhole", () => {
  test("lets nothing through in one direction, and everything in the other", async () => {
    const proxy = await proxied();
    const { caller, peer } = await joined(proxy);
    proxy.set({ blackhole: true }, "up");
    caller.socket.write("lost?");
    for (let round = 1; round <= 20; round += 1) {
      peer.socket.write("x");
      await caller.has("x".repeat(round));
    }
    expect([peer.text, proxy.bytes.up]).toEqual(["", 0]);
    proxy.heal();
    await peer.has("lost?");
  });

  test("accepts callers and tells nobody that the other side is gone, until it ends", async () => {
    const proxy = await proxied();
    proxy.set({ blackhole: true });
    const { caller, peer } = await joined(proxy);
    const other = await joined(proxy);
    peer.socket.resetAndDestroy();
    other.peer.socket.end("bye");
    const outside = await joined(await proxied());
    for (let round = 1; round <= 20; round += 1) {
      outside.caller.socket.write("x");
      await outside.peer.has("x".repeat(round));
    }
    expect([caller.failure, other.caller.text, other.caller.ended]).toEqual(["", "", false]);
    proxy.heal();
    await until("both know", () => caller.failure === "ECONNRESET" && other.caller.ended);
    expect(other.caller.text).toBe("bye");
  });
});

describe("a chaos proxy that is closed", () => {
  test("leaves no socket, no timer and nobody listening, whatever was going on", async () => {
    const resources = (): string[] => process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout/.test(kind));
    const before = resources().sort();
    const { port } = target.address() as AddressInfo;
    const proxy = await startChaosProxy({ target: { host: "127.0.0.1", port } });
    const delayed = await joined(proxy);
    proxy.set({ latencyMs: 1000 }, "up");
    delayed.caller.socket.write("never");
    const held = await joined(proxy);
    proxy.set({ blackhole: true }, "down");
    held.peer.socket.resetAndDestroy();
    await proxy.close();
    expect(proxy.open).toBe(0);
    await until("both callers are cut", () =>
      [delayed, held].every(({ caller }) => caller.ended || caller.failure !== ""),
    );
    for (const { caller, peer } of [delayed, held]) {
      caller.socket.destroy();
      peer.socket.destroy();
    }
    await until("nothing is left", () => resources().length <= before.length);
    const late = new End(connect(proxy.port, proxy.host));
    await until("nobody listens", () => late.failure === "ECONNREFUSED");
  });
});
