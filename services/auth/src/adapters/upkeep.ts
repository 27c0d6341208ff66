import type { Clock, Logger } from "@weft/mesh";

/** Work that any instance may do at any time, as often as it likes; only its being done now and then matters. */
export interface UpkeepTask {
  readonly name: string;
  readonly everyMs: number;
  readonly run: () => Promise<void>;
}

/**
 * Runs each task at its interval, counted from the end of its last run; a failure is logged and the next run tries
 * again. The function it gives ends that and waits for what is running.
 */
export function startUpkeep(tasks: readonly UpkeepTask[], clock: Clock, logger: Logger): () => Promise<void> {
  const stop = new AbortController();
  const loops = tasks.map(async ({ name, everyMs, run }) => {
    while (!stop.signal.aborted) {
      await clock.sleep(everyMs, stop.signal).catch(() => undefined);
      if (stop.signal.aborted) {
        return;
      }
      await run().catch((error: unknown) =>
        logger.warn({ err: error, task: name }, "upkeep failed, will be tried again"),
      );
    }
  });
  return async () => {
    stop.abort();
    await Promise.all(loops);
  };
}
