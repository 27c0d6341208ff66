/** What every JobStore does, whatever keeps it. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ClaimedJob, JobStore, StoredJob } from "../../jobs/job-store.ts";
import { until } from "../until.ts";

export interface JobStoreFixture {
  /** Empty. */
  readonly store: JobStore;
  close(): Promise<void>;
}

const LEASE_MS = 60_000;

export function jobStoreContract(name: string, makeFixture: () => Promise<JobStoreFixture>): void {
  describe(`JobStore contract: ${name}`, () => {
    let fixture: JobStoreFixture;
    let store: JobStore;
    beforeEach(async () => {
      fixture = await makeFixture();
      store = fixture.store;
    });
    afterEach(() => fixture.close());

    const job = (overrides: Partial<StoredJob> = {}): StoredJob => ({
      name: "remind",
      key: undefined,
      payload: { n: 1 },
      maxAttempts: 3,
      runAtMs: Date.now() - 1000,
      ...overrides,
    });
    const claimOne = async (leaseMs = LEASE_MS): Promise<ClaimedJob> => {
      const [claimed] = await store.claim(["remind"], 1, leaseMs);
      if (claimed === undefined) throw new Error("a due job was expected");
      return claimed;
    };

    test("gives out due jobs of the given names, soonest first, and no others", async () => {
      const now = Date.now();
      await store.put(job({ payload: "second", runAtMs: now - 1000 }));
      await store.put(job({ payload: "first", runAtMs: now - 2000 }));
      await store.put(job({ payload: "future", runAtMs: now + LEASE_MS }));
      await store.put(job({ payload: "other", name: "other" }));
      const claimed = await store.claim(["remind"], 10, LEASE_MS);
      expect(claimed.map(({ payload, attempt, runAtMs }) => [payload, attempt, runAtMs])).toEqual([
        ["first", 1, now - 2000],
        ["second", 1, now - 1000],
      ]);
      expect(await store.counts()).toEqual({ scheduled: 1, due: 1, running: 2, dead: 0 });
    });

    test("gives each job to one of several that ask at once", async () => {
      for (let n = 0; n < 20; n++) await store.put(job({ payload: n }));
      const claims = await Promise.all(Array.from({ length: 8 }, () => store.claim(["remind"], 5, LEASE_MS)));
      const ids = claims.flat().map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      const rest = await store.claim(["remind"], 20, LEASE_MS);
      expect(ids.length + rest.length).toBe(20);
    });

    test("gives a job again when its lease has run out, and fences off who had it", async () => {
      await store.put(job());
      const first = await claimOne(1);
      const [second] = await until("the lease has run out", async () => {
        const claimed = await store.claim(["remind"], 1, LEASE_MS);
        return claimed.length > 0 && claimed;
      });
      expect(second?.attempt).toBe(2);
      expect(await store.renew(first, LEASE_MS)).toBe(false);
      expect(await store.settle(first, { kind: "done" })).toBe(false);
      if (second === undefined) throw new Error("a second claim was expected");
      expect(await store.renew(second, LEASE_MS)).toBe(true);
      expect(await store.settle(second, { kind: "done" })).toBe(true);
      expect(await store.counts()).toEqual({ scheduled: 0, due: 0, running: 0, dead: 0 });
    });

    test("keeps a retried job until its time and counts its attempts", async () => {
      await store.put(job());
      await store.settle(await claimOne(), { kind: "retry", delayMs: LEASE_MS, error: "later" });
      expect(await store.claim(["remind"], 1, LEASE_MS)).toEqual([]);
      expect((await store.counts()).scheduled).toBe(1);
      const inMs = await store.nextDueInMs(["remind"]);
      expect(inMs).toBeGreaterThan(LEASE_MS / 2);
      expect(inMs).toBeLessThanOrEqual(LEASE_MS);
      expect(await store.nextDueInMs(["unknown"])).toBeUndefined();
    });

    test("keeps dead jobs for a person to revive or discard", async () => {
      await store.put(job({ key: "k" }));
      await store.settle(await claimOne(), { kind: "dead", error: "for good" });
      const [dead] = await store.dead(10);
      expect(dead).toEqual({
        id: dead?.id,
        name: "remind",
        key: "k",
        payload: { n: 1 },
        attempts: 1,
        error: "for good",
      });
      expect(await store.claim(["remind"], 1, LEASE_MS)).toEqual([]);
      expect(await store.remove("k")).toBe(false);
      expect(await store.revive(dead?.id ?? "")).toBe(true);
      expect(await store.revive(dead?.id ?? "")).toBe(false);
      const again = await claimOne();
      expect(again.attempt).toBe(1);
      await store.settle(again, { kind: "dead", error: "again" });
      expect(await store.discard(again.id)).toBe(true);
      expect(await store.discard(again.id)).toBe(false);
    });

    test("replaces a job stored under the same key, also a running one", async () => {
      await store.put(job({ key: "k", payload: "old" }));
      const running = await claimOne();
      await store.put(job({ key: "k", payload: "new" }));
      expect(await store.settle(running, { kind: "done" })).toBe(false);
      expect(await claimOne()).toMatchObject({ key: "k", payload: "new", attempt: 1 });
    });

    test("removes a job by its key", async () => {
      await store.put(job({ key: "k" }));
      expect(await store.remove("k")).toBe(true);
      expect(await store.remove("k")).toBe(false);
      expect(await store.claim(["remind"], 1, LEASE_MS)).toEqual([]);
    });

    test("moves a recurring job to its next time when it is done, and leaves an unchanged one where it is", async () => {
      const recurring = { name: "remind", key: "every:remind", payload: null, maxAttempts: 3, intervalMs: 20 };
      await store.putRecurring(recurring);
      expect(await store.claim(["other"], 1, LEASE_MS)).toEqual([]);
      const [first] = await until("it falls due", async () => {
        const claimed = await store.claim(["remind"], 1, LEASE_MS);
        return claimed.length > 0 && claimed;
      });
      if (first === undefined) throw new Error("a claim was expected");
      await store.putRecurring({ ...recurring, payload: "changed" });
      expect(await store.settle(first, { kind: "dead", error: "does not matter" })).toBe(true);
      const [second] = await until("it falls due again", async () => {
        const claimed = await store.claim(["remind"], 1, LEASE_MS);
        return claimed.length > 0 && claimed;
      });
      expect(second).toMatchObject({ recurring: true, attempt: 1, payload: "changed" });
      const steps = ((second?.runAtMs ?? 0) - first.runAtMs) / 20;
      expect(steps).toBeGreaterThan(0.9);
      expect(Math.abs(steps - Math.round(steps))).toBeLessThan(0.1);
    });

    test("announces new jobs", async () => {
      let changes = 0;
      const stop = await store.onChange(() => void changes++);
      await store.put(job());
      await until("it is announced", () => changes > 0);
      await stop();
    });
  });
}
