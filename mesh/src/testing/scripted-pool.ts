import { ConnectionBudget } from "../pool/connection-budget.ts";
import { Pool, type PooledConnection, type PoolOptions } from "../pool/pool.ts";
import { seededRandom } from "../random.ts";
import { FakeClock } from "./fake-clock.ts";
import { ScriptedConnection } from "./scripted-connection.ts";

/** A pool over scripted connections, with what a test wants to look at. */
export function startScriptedPool(options: Partial<PoolOptions> = {}) {
  const clock = options.clock instanceof FakeClock ? options.clock : new FakeClock();
  const dialled: ScriptedConnection[] = [];
  const budget = options.budget ?? new ConnectionBudget(100);
  const scaled: string[] = [];
  const pool = new Pool({
    connect: (id) => {
      const connection = new ScriptedConnection(id);
      dialled.push(connection);
      return connection;
    },
    clock,
    random: seededRandom(1),
    onScale: (direction, reason, count) => void scaled.push(`${direction} ${count} ${reason}`),
    ...options,
    budget,
  });
  pool.start();
  const at = (index: number): ScriptedConnection => {
    const connection = dialled[index];
    if (connection === undefined) {
      throw new Error(`connection ${index} was not dialled`);
    }
    return connection;
  };
  /** Every dial that is going on succeeds. */
  const openAll = async (): Promise<void> => {
    for (const connection of [...dialled]) {
      if (connection.state.kind === "connecting") {
        connection.open();
      }
    }
    await clock.advance(0);
  };
  /** Takes that many connections, of which none may be missing. */
  const take = (count: number): PooledConnection[] =>
    Array.from({ length: count }, () => {
      const slot = pool.tryAcquire(clock.monotonicMs());
      if (slot === undefined) {
        throw new Error("the pool is full");
      }
      return slot;
    });
  return { clock, dialled, budget, scaled, pool, at, openAll, take };
}
