/*
 * When `weft up` should end.
 *
 * SIGINT, SIGTERM and SIGHUP ask for a clean end; a second one, at least a second later, for one at once. The pause
 * matters: on Ctrl-C the terminal signals the whole foreground group and npm passes its own copy on, so one key press
 * may arrive twice. Under npm the end of our parent counts as a signal too: npm hands SIGTERM to the shell that runs
 * the script, and that shell dies of it without telling us.
 */

const secondThoughtsMs = 1_000;
const parentPollMs = 500;

/** Listens for the rest of the process's life. */
export function stopSignals(): { readonly stop: AbortSignal; readonly forceStop: AbortSignal } {
  const stop = new AbortController();
  const forceStop = new AbortController();
  let firstAt = 0;
  const ask = () => {
    if (!stop.signal.aborted) {
      firstAt = performance.now();
      stop.abort();
    } else if (performance.now() - firstAt >= secondThoughtsMs) {
      forceStop.abort();
    }
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, ask);
  }
  if (process.env.npm_lifecycle_event !== undefined) {
    const parent = process.ppid;
    const timer = setInterval(() => {
      if (process.ppid !== parent) {
        clearInterval(timer);
        stop.abort();
      }
    }, parentPollMs);
    timer.unref();
  }
  return { stop: stop.signal, forceStop: forceStop.signal };
}
