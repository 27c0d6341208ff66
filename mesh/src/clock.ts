/**
 * The one place where the mesh reads time or sets a timer. Everything else takes a `Clock`, so a test can run a minute
 * of backoff in no time (`testing/fake-clock.ts`) and no policy depends on the wall clock by accident.
 *
 * Two readings, because they answer different questions: `now()` is the wall clock, for values that leave the process
 * (records, timestamps), and may jump; `monotonicMs()` only moves forward, for durations and deadlines.
 *
 * Timers do not keep the process alive unless asked: background upkeep must never delay an exit. `sleep` does keep it
 * alive, since somebody awaits it.
 */

/** A timer that was set; `cancel` is idempotent and does nothing once the timer has fired. */
export interface Timer {
  cancel(): void;
}

export interface TimerOptions {
  /** Keep the process alive until the timer fires. Default false. */
  readonly ref?: boolean;
}

/** Source of time and timers. All durations and instants are milliseconds. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump when the system clock is set. */
  now(): number;
  /** Milliseconds since an arbitrary start; never goes back. Fractions are possible. */
  monotonicMs(): number;
  /** Calls `fn` once after `delayMs` (negative counts as 0; longer than 24.8 days is fine). */
  setTimer(fn: () => void, delayMs: number, options?: TimerOptions): Timer;
  /** Resolves after `delayMs`; rejects with the signal's reason when it aborts first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** Node fires a timer at once when its delay exceeds a signed 32-bit integer, so longer ones are set in steps. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The real clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (fn, delayMs, options) => {
    let remainingMs = delayMs;
    let handle: NodeJS.Timeout;
    const arm = () => {
      const stepMs = Math.min(Math.max(remainingMs, 0), MAX_TIMEOUT_MS);
      remainingMs -= stepMs;
      handle = setTimeout(() => (remainingMs > 0 ? arm() : fn()), stepMs);
      if (options?.ref !== true) handle.unref();
    };
    arm();
    return { cancel: () => clearTimeout(handle) };
  },
  sleep: (delayMs, signal) => sleepOn(systemClock, delayMs, signal),
};

/** `Clock.sleep` in terms of `setTimer`, shared by every clock. */
export function sleepOn(clock: Pick<Clock, "setTimer">, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(
      () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      },
      delayMs,
      { ref: true },
    );
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
