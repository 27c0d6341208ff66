/**
 * Looks keys up many at a time. A few queries are under way at most; keys that are asked for meanwhile wait and go together in
 * the next one. So a query that takes long, or a stall of the database, costs those behind it one query more, not one each.
 * A key is never part of a query that began before it was asked for: the answer is as new as that of a query of its own.
 */
export function createBatchedLookup<V>(
  find: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>,
): (key: string) => Promise<V | undefined> {
  let waiting = new Map<string, PromiseWithResolvers<V | undefined>>();
  let underWay = 0;

  async function run(batch: typeof waiting): Promise<void> {
    underWay += 1;
    try {
      const found = await find([...batch.keys()]);
      for (const [key, { resolve }] of batch) {
        resolve(found.get(key));
      }
    } catch (error) {
      for (const { reject } of batch.values()) {
        reject(error);
      }
    } finally {
      underWay -= 1;
      begin();
    }
  }

  function begin(): void {
    if (underWay < mostUnderWay && waiting.size > 0) {
      const batch = waiting;
      waiting = new Map();
      void run(batch);
    }
  }

  return (key) => {
    let answer = waiting.get(key);
    if (answer === undefined) {
      answer = Promise.withResolvers();
      waiting.set(key, answer);
      begin();
    }
    return answer.promise;
  };
}

/** One while the answer to another is on its way; more would only be smaller. */
const mostUnderWay = 2;
