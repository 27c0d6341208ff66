import type { Clock, Timer } from "./clock.ts";

/** A delay that was cut short by a stall is off by one of so many steps at most. */
const steps = 4;

/**
 * Calls `fn` after `delayMs` in which this process ran: for giving up on somebody else. After a stall of our own (SIGSTOP, a
 * paused machine, a turn of the event loop that took seconds) timers fire before the sockets are read, so that a plain timer
 * would blame a peer whose answer has been there for long. The delay is counted in steps, and each lets the sockets be read.
 */
export function setAwakeTimer(clock: Clock, fn: () => void, delayMs: number): Timer {
  let left = steps;
  let timer: Timer;
  const step = (): void => {
    left -= 1;
    timer = clock.setTimer(left === 0 ? fn : step, delayMs / steps);
  };
  step();
  return { cancel: () => timer.cancel() };
}
