import { type PubSub, type PubSubHandler, RedisAwayError, seededRandom } from "@weft/mesh";
import { FakeClock, silentLogger } from "@weft/mesh/testing";
import { describe, expect, it } from "vitest";
import { RecordedMetrics } from "../../tests/recorded-metrics.ts";
import { createGatewayMetrics } from "../metrics.ts";
import type { SharedFrame } from "./frame-codec.ts";
import { jsonCodec } from "./json-codec.ts";
import { createMemoryPresenceStore } from "./memory-presence-store.ts";
import { Presence } from "./presence.ts";
import { mostListedUsers, type PresenceStore, presenceMember, presenceTimes } from "./presence-store.ts";

/* Gateways over one store and one clock that stands still: what watchers are told has to add up to who is there. */

const channel = "project:p";
const connectionOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

interface Told {
  readonly atMs: number;
  readonly users: number;
  readonly joined?: readonly string[];
  readonly left?: readonly string[];
}

/** A connection that watches and keeps the list of users as the protocol says. */
class Watcher {
  readonly told: Told[] = [];
  readonly member: string;
  readonly #clock: FakeClock;
  users: Set<string> | undefined;
  count = 0;

  constructor(member: string, clock: FakeClock) {
    this.member = member;
    this.#clock = clock;
  }

  tell(frame: SharedFrame): void {
    const { presence } = JSON.parse(String(frame.in(jsonCodec).bytes)) as { presence: Omit<Told, "atMs"> };
    this.told.push({ ...presence, atMs: this.#clock.monotonicMs() });
    this.count = presence.users;
    if (presence.joined === undefined) {
      this.users = undefined;
      return;
    }
    this.users ??= new Set();
    for (const userId of presence.joined) {
      this.users.add(userId);
    }
    for (const userId of presence.left ?? []) {
      this.users.delete(userId);
    }
  }
}

class Cluster {
  readonly clock = new FakeClock();
  readonly gateways: Presence[];
  storeIsAway = false;
  readonly #handlers = new Set<PubSubHandler>();
  #connections = 0;

  constructor(gateways: number) {
    const memory = createMemoryPresenceStore({
      nowMs: () => this.clock.monotonicMs(),
      announce: (subject) => {
        for (const handler of this.#handlers) {
          void handler(subject, Buffer.alloc(0));
        }
      },
    });
    const store: PresenceStore = {
      times: memory.times,
      update: async (...args) => {
        if (this.storeIsAway) {
          throw new RedisAwayError("gone");
        }
        return memory.update(...args);
      },
    };
    const { clock } = this;
    const metrics = createGatewayMetrics(new RecordedMetrics() as never);
    this.gateways = Array.from({ length: gateways }, () => {
      return new Presence({ store, pubsub: this.#broker(), clock, logger: silentLogger, metrics });
    });
  }

  #broker(): PubSub {
    return {
      publish: async () => 0,
      close: async () => undefined,
      subscribe: async (_pattern, handler) => {
        this.#handlers.add(handler);
        return async () => void this.#handlers.delete(handler);
      },
    };
  }

  async join(gateway: number, userId: string): Promise<Watcher> {
    this.#connections += 1;
    const watcher = new Watcher(presenceMember(userId, connectionOf(this.#connections)), this.clock);
    this.gateways[gateway]?.join(channel, watcher.member, watcher);
    const now = await this.gateways[gateway]?.list(channel, true);
    watcher.users = now?.clients && new Set(now.clients.map((client) => client.userId));
    watcher.count = now?.users ?? 0;
    return watcher;
  }

  leave(gateway: number, { member }: Watcher): void {
    this.gateways[gateway]?.leave(channel, member);
  }
}

describe("presence in a channel", () => {
  it("tells those who watch of who comes, at any gateway, and of who has gone for longer than a page takes to load", async () => {
    const cluster = new Cluster(2);
    const alice = await cluster.join(0, "alice");
    const bob = await cluster.join(1, "bob");
    await cluster.clock.advance(1000);
    expect(alice.told).toMatchObject([{ users: 2, joined: ["bob"], left: [] }]);
    cluster.leave(1, bob);
    await cluster.clock.advance(1999);
    expect(alice.told).toHaveLength(1);
    await cluster.clock.advance(1001);
    expect(alice.told.slice(1)).toMatchObject([{ users: 1, joined: [], left: ["bob"] }]);
  });

  it("tells nobody of a page that is loaded again, on another gateway", async () => {
    const cluster = new Cluster(2);
    const alice = await cluster.join(0, "alice");
    const bob = await cluster.join(0, "bob");
    await cluster.clock.advance(5000);
    cluster.leave(0, bob);
    await cluster.clock.advance(1900);
    await cluster.join(1, "bob");
    await cluster.clock.advance(60_000);
    expect(alice.told).toMatchObject([{ joined: ["bob"], left: [] }]);
  });

  it("tells many changes at once, once in a second", async () => {
    const cluster = new Cluster(2);
    const alice = await cluster.join(0, "alice");
    for (let user = 0; user < 50; user += 1) {
      await cluster.join(user % 2, `u${user}`);
      await cluster.clock.advance(40);
    }
    await cluster.clock.advance(5000);
    expect(alice.users?.size).toBe(51);
    expect(alice.told.length).toBeLessThanOrEqual(4);
  });

  it("counts a channel of more than 100 users, and lists it again when it is smaller", async () => {
    const cluster = new Cluster(1);
    const alice = await cluster.join(0, "alice");
    const others: Watcher[] = [];
    for (let user = 0; user < mostListedUsers; user += 1) {
      others.push(await cluster.join(0, `u${user}`));
    }
    await cluster.clock.advance(3000);
    expect([alice.users, alice.count]).toEqual([undefined, mostListedUsers + 1]);
    const late = await cluster.join(0, "late");
    expect(late.users).toBeUndefined();
    for (const other of others) {
      cluster.leave(0, other);
    }
    await cluster.clock.advance(5000);
    expect(alice.users).toEqual(new Set(["alice", "late"]));
    expect(late.users).toEqual(alice.users);
  });

  it("lets the users of a gateway that died vanish after their time", async () => {
    const cluster = new Cluster(2);
    const alice = await cluster.join(0, "alice");
    await cluster.join(1, "bob");
    await cluster.clock.advance(30_000);
    expect(alice.users).toEqual(new Set(["alice", "bob"]));
    await cluster.gateways[1]?.close();
    await cluster.clock.advance(presenceTimes.ttlMs + 2000);
    expect(alice.users).toEqual(new Set(["alice"]));
  });

  it("tells nothing while the store is away, and what has changed when it is back", async () => {
    const cluster = new Cluster(2);
    const alice = await cluster.join(0, "alice");
    await cluster.clock.advance(1000);
    cluster.storeIsAway = true;
    await expect(cluster.join(1, "bob")).rejects.toMatchObject({ rawMessage: expect.stringContaining("ask again") });
    await cluster.clock.advance(10_000);
    expect(alice.told).toEqual([]);
    cluster.storeIsAway = false;
    await cluster.clock.advance(5000);
    expect(alice.users).toEqual(new Set(["alice", "bob"]));
  });

  it("keeps no room in which nobody is", async () => {
    const cluster = new Cluster(1);
    const alice = await cluster.join(0, "alice");
    cluster.leave(0, alice);
    await cluster.clock.advance(0);
    expect(cluster.gateways[0]?.size).toBe(0);
    expect(cluster.clock.pendingTimers).toBe(0);
  });

  it.each(Array.from({ length: 30 }, (_, seed) => seed + 1))(
    "whatever happens adds up to who is there, in one telling a second, and nobody leaves who is back in time (%i)",
    async (seed) => {
      const random = seededRandom(seed);
      const cluster = new Cluster(3);
      const draw = (below: number) => Math.floor(random.next() * below);
      const here: { readonly gateway: number; readonly userId: string; readonly watcher: Watcher }[] = [];
      const all: Watcher[] = [];
      const join = async (gateway: number, userId: string) => {
        const watcher = await cluster.join(gateway, userId);
        here.push({ gateway, userId, watcher });
        all.push(watcher);
      };
      const leave = () => {
        const [gone] = here.splice(draw(here.length), 1);
        if (gone !== undefined) {
          cluster.leave(gone.gateway, gone.watcher);
        }
        return gone;
      };
      await join(0, "steady");
      const steady = here.splice(0);
      let reloading = { gateway: 1, watcher: await cluster.join(1, "reloading") };
      let isDead = false;
      for (let step = 0; step < 60; step += 1) {
        if (draw(3) === 0) {
          cluster.leave(reloading.gateway, reloading.watcher);
          await cluster.clock.advance(draw(1999));
          const gateway = draw(2);
          reloading = { gateway, watcher: await cluster.join(gateway, "reloading") };
        }
        const what = draw(10);
        if (what < 4) {
          await join(isDead ? draw(2) : draw(3), `u${draw(6)}`);
        } else if (what < 7) {
          leave();
        } else if (what < 9) {
          const gone = leave();
          await cluster.clock.advance(draw(1999));
          if (gone !== undefined) {
            await join(isDead ? draw(2) : draw(3), gone.userId);
          }
        } else if (!isDead && step > 40) {
          isDead = true;
          await cluster.gateways[2]?.close();
          here.splice(0, here.length, ...here.filter(({ gateway }) => gateway !== 2));
        }
        await cluster.clock.advance(draw(1500));
      }
      await cluster.clock.advance(presenceTimes.ttlMs + 5000);
      const present = new Set(["steady", "reloading", ...here.map(({ userId }) => userId)]);
      for (const { watcher } of [...here, ...steady, reloading]) {
        expect(watcher.users).toEqual(present);
        expect(watcher.count).toBe(present.size);
      }
      for (const { told } of all) {
        const left = new Set(told.flatMap((each) => each.left ?? []));
        expect([left.has("steady"), left.has("reloading")]).toEqual([false, false]);
        for (const [at, { atMs }] of told.entries()) {
          expect(atMs - (told[at - 1]?.atMs ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(
            presenceTimes.tellEveryMs,
          );
        }
      }
    },
  );
});
