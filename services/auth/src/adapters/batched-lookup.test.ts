import { describe, expect, test } from "vitest";
import { createBatchedLookup } from "./batched-lookup.ts";

/** A store whose queries are answered by hand. */
function slowStore() {
  const queries: { readonly keys: readonly string[]; answer(): Promise<void>; fail(error: Error): Promise<void> }[] =
    [];
  const values = new Map<string, number>();
  const lookup = createBatchedLookup<number>((keys) => {
    const { promise, resolve, reject } = Promise.withResolvers<ReadonlyMap<string, number>>();
    const settled = () => promise.then(() => undefined).catch(() => undefined);
    queries.push({
      keys,
      answer: () => {
        resolve(new Map([...values].filter(([key]) => keys.includes(key))));
        return settled();
      },
      fail: (error) => {
        reject(error);
        return settled();
      },
    });
    return promise;
  });
  return { queries, values, lookup };
}

describe("a batched lookup", () => {
  test("asks at once, and together for what comes while two queries are under way", async () => {
    const { queries, values, lookup } = slowStore();
    values.set("a", 1).set("c", 3);
    const answers = ["a", "b", "c", "d", "c"].map(lookup);
    expect(queries.map(({ keys }) => keys)).toEqual([["a"], ["b"]]);
    await queries[0]?.answer();
    expect(await answers[0]).toBe(1);
    expect(queries.map(({ keys }) => keys)).toEqual([["a"], ["b"], ["c", "d"]]);
    await queries[1]?.answer();
    await queries[2]?.answer();
    expect(await Promise.all(answers)).toEqual([1, undefined, 3, undefined, 3]);
    expect(queries).toHaveLength(3);
  });

  test("gives nobody an answer that was on its way when they asked", async () => {
    const { queries, values, lookup } = slowStore();
    values.set("a", 1);
    const before = lookup("a");
    values.set("a", 2);
    const after = lookup("a");
    await queries[1]?.answer();
    expect(await after).toBe(2);
    expect(queries).toHaveLength(2);
    await queries[0]?.answer();
    await before;
  });

  test("fails those of a failed query alone, and goes on", async () => {
    const { queries, values, lookup } = slowStore();
    values.set("b", 2).set("c", 3);
    const [a, b, c] = ["a", "b", "c"].map(lookup);
    const refused = expect(a).rejects.toThrow("the database is away");
    await queries[0]?.fail(new Error("the database is away"));
    await refused;
    await queries[1]?.answer();
    await queries[2]?.answer();
    expect([await b, await c]).toEqual([2, 3]);
  });
});
