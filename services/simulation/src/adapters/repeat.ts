import type { Clock } from "@weft/mesh";

/** Does work again and again, `intervalMs` after it was last done. Returns a function that ends it. */
export function repeat(
  clock: Clock,
  intervalMs: number,
  work: () => Promise<void>,
  onError: (error: unknown) => void,
): () => void {
  let ended = false;
  let timer = clock.setTimer(run, intervalMs);
  function run(): void {
    work()
      .catch(onError)
      .finally(() => {
        if (!ended) {
          timer = clock.setTimer(run, intervalMs);
        }
      });
  }
  return () => {
    ended = true;
    timer.cancel();
  };
}
