import { setTimeout as delay } from "node:timers/promises";
import { describeError } from "../cli-error.ts";
import { describeExit } from "../process/managed-child.ts";
import type { Store } from "../stores/index.ts";
import { noFailures, planRestart } from "./restart-policy.ts";

/** Starts a store again whenever it dies, until the signal aborts. Services bear its absence and find it again. */
export async function keepStoreRunning(
  store: Store,
  stop: AbortSignal,
  show: (text: string) => void,
  onChange: () => void,
): Promise<void> {
  let history = noFailures;
  while (true) {
    const startedAt = performance.now();
    const exit = await store.exited;
    if (stop.aborted) {
      return;
    }
    const plan = planRestart(history, performance.now() - startedAt);
    history = plan.history;
    show(`${store.description} ${describeExit(exit)}; it starts again in ${(plan.delayMs / 1000).toFixed(1)} s`);
    await delay(plan.delayMs, undefined, { signal: stop }).catch(() => undefined);
    if (stop.aborted) {
      return;
    }
    try {
      await store.restart();
      show(`${store.description} is back (pid ${store.pid})`);
      onChange();
    } catch (error) {
      show(`${store.description} did not start: ${describeError(error)}`);
    }
  }
}
