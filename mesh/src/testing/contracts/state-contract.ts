/** What every StateStore does, whatever keeps it. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StateConflictError, type StateStore } from "../../state/state-store.ts";
import { until } from "../until.ts";

export interface StateFixture {
  /** Empty. */
  readonly state: StateStore;
  close(): Promise<void>;
}

export function stateContract(name: string, makeFixture: () => Promise<StateFixture>): void {
  describe(`StateStore contract: ${name}`, () => {
    let fixture: StateFixture;
    let state: StateStore;
    beforeEach(async () => {
      fixture = await makeFixture();
      state = fixture.state;
    });
    afterEach(() => fixture.close());

    test("gives back any JSON value, and nothing for an unknown key", async () => {
      for (const value of [{ at: [1, "two", null] }, "text", 0, false, null, [], "ünïcode \u{1f331}"]) {
        await state.set("key", value);
        expect((await state.get("key"))?.value).toEqual(value);
      }
      expect(await state.get("unknown")).toBeUndefined();
    });

    test("counts versions and writes only at the expected one", async () => {
      expect(await state.set("key", "a")).toBe(1);
      expect(await state.set("key", "b")).toBe(2);
      expect(await state.set("key", "c", { ifVersion: 2 })).toBe(3);
      await expect(state.set("key", "d", { ifVersion: 2 })).rejects.toBeInstanceOf(StateConflictError);
      await expect(state.set("key", "d", { ifVersion: 0 })).rejects.toBeInstanceOf(StateConflictError);
      await expect(state.set("absent", "d", { ifVersion: 1 })).rejects.toBeInstanceOf(StateConflictError);
      expect(await state.set("absent", "d", { ifVersion: 0 })).toBe(1);
      expect(await state.get("key")).toEqual({ value: "c", version: 3 });
    });

    test("lets exactly one of several concurrent writers store an absent key", async () => {
      const writers = Array.from({ length: 10 }, (_, writer) => state.putIfAbsent("idempotency", { writer }));
      const results = await Promise.all(writers);
      const [winner, ...others] = results.filter(({ stored }) => stored);
      expect(others).toEqual([]);
      expect(new Set(results.map(({ entry }) => JSON.stringify(entry)))).toEqual(
        new Set([JSON.stringify(winner?.entry)]),
      );
      expect(await state.get("idempotency")).toEqual(winner?.entry);
    });

    test("treats an expired entry as absent", async () => {
      await state.set("short", "a", { ttlMs: 30 });
      await state.set("long", "a", { ttlMs: 60_000 });
      await until("it expired", async () => (await state.get("short")) === undefined);
      expect(await state.delete("short")).toBe(false);
      await state.set("short", "a", { ttlMs: 1 });
      await until("it expired", async () => (await state.get("short")) === undefined);
      expect(await state.putIfAbsent("short", "b")).toEqual({ stored: true, entry: { value: "b", version: 1 } });
      expect((await state.get("long"))?.value).toBe("a");
    });

    test("purges what has expired and nothing else", async () => {
      await state.set("short", "a", { ttlMs: 1 });
      await state.set("long", "a", { ttlMs: 60_000 });
      await state.set("ever", "a");
      await until("it expired", async () => (await state.get("short")) === undefined);
      expect(await state.purgeExpired()).toBe(1);
      expect(await state.purgeExpired()).toBe(0);
      expect((await state.get("ever"))?.value).toBe("a");
    });

    test("deletes, and starts a new key at version 1", async () => {
      await state.set("key", "a");
      await state.set("key", "b");
      expect(await state.delete("key")).toBe(true);
      expect(await state.delete("key")).toBe(false);
      expect(await state.set("key", "c")).toBe(1);
    });

    test("names the field and the limit of bad input", async () => {
      await expect(state.set("", 1)).rejects.toThrow("key: 0 characters, 1 to 512 are allowed");
      await expect(state.set("key", undefined)).rejects.toThrow(/^value: /);
      await expect(state.set("key", 1, { ttlMs: 0 })).rejects.toThrow("ttlMs: 0 is not above 0");
      await expect(state.putIfAbsent("key", "x".repeat(1_100_000))).rejects.toThrow("limit of 1048576");
    });
  });
}
