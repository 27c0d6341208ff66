/*
 * Decides whether the event loop has time for a call that has not started. Numbers and clock readings go in, no clock is
 * read here.
 *
 * Handlers that compute run to their end as soon as they start, so however overloaded the process is, hardly any call is
 * "in flight": they wait where nobody counts them, in sockets and in the batch being read. What shows it is a timer that
 * beats every 10 ms and is late.
 *
 *   calm ──no beat on time for 400 ms──▶ overloaded ──every beat on time for 250 ms──▶ calm
 *
 * That is CoDel's rule: a burst passes, since the beats after it are on time, a standing queue does not. It is asked before
 * each call, not at each beat, because at ten times the capacity every turn is ten times as long as the one before. While
 * overloaded, a turn starts calls until the beat is overdue by the allowed delay, and refuses the rest; what it refuses, it
 * has read already, so the next turn finds only what arrived during this one. Refusals happen only in a turn that has
 * worked longer than allowed: they cost no throughput.
 *
 * A more important call may start for longer. When turns are long all the same, the important ones fill them, and the
 * others' share shrinks with the square of that length, down to next to nothing.
 *
 * The allowed delay grows with the time that calls keep the thread (six of them), so that a service whose handlers
 * compute for 50 ms may have a short line in front of it.
 */
export const beatIntervalMs = 10;

/** Long enough for a burst of 256 calls that take a millisecond each, and for the lines that chance makes at 70 % load. */
const standingMs = 400;
const calmMs = 250;
const callsInLine = 6;
/** A single handler that blocks for seconds must not buy seconds for those after it. */
const maxAllowedMs = 500;
/** How many times the allowed delay what nothing outranks may take. */
const firstShare = 4;

export class EventLoopBudget {
  readonly #delayMs: number;
  #overloaded = false;
  #allowedMs: number;
  /** Running mean of the time that one call keeps the thread, known only while the loop is late. */
  #busyMsPerCall = 0;
  #lastLateMs = 0;
  #onTimeAtMs = 0;
  /** Since when every beat was on time; Infinity when the last one was late. */
  #calmSinceMs = 0;

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
    this.#allowedMs = delayMs;
  }

  get overloaded(): boolean {
    return this.#overloaded;
  }

  /** A beat came `lateMs` late; so many calls have ended and been refused in the `elapsedMs` since the last one. */
  beat(lateMs: number, ended: number, refused: number, elapsedMs: number, nowMs: number): void {
    this.#lastLateMs = lateMs;
    if (lateMs > beatIntervalMs && ended > 0) {
      this.#learn(elapsedMs / ended, refused > 0);
    }
    if (lateMs > this.#allowedMs || refused > 0) {
      this.#calmSinceMs = Number.POSITIVE_INFINITY;
      return;
    }
    this.#onTimeAtMs = nowMs;
    this.#calmSinceMs = Math.min(this.#calmSinceMs, nowMs);
    if (nowMs - this.#calmSinceMs >= calmMs) {
      this.#overloaded = false;
    }
  }

  /** Nothing went on for a while, and begins again. */
  rest(nowMs: number): void {
    this.#overloaded = false;
    this.#lastLateMs = 0;
    this.#onTimeAtMs = nowMs;
    this.#calmSinceMs = nowMs;
  }

  /** Whether a call may start while the next beat is `overdueMs` late already (negative when it is not due). */
  allows(priority: number, overdueMs: number, nowMs: number): boolean {
    if (!this.#overloaded) {
      if (overdueMs <= this.#allowedMs || nowMs - this.#onTimeAtMs <= standingMs) {
        return true;
      }
      this.#overloaded = true;
    }
    const turnMs = overdueMs + beatIntervalMs;
    const allowedTurnMs = this.#allowedMs + beatIntervalMs;
    if (priority === 0) {
      return turnMs <= allowedTurnMs * firstShare;
    }
    // Less important calls are asked to leave first: each step takes away a quarter.
    const share = (5 - priority) / 4;
    const longer = Math.max(1, this.#lastLateMs / this.#allowedMs);
    return turnMs <= (allowedTurnMs * share) / (longer * longer);
  }

  /** Time spent refusing looks like time spent in calls, so with refusals a sample may only lower the mean. */
  #learn(busyMs: number, refusing: boolean): void {
    if (!refusing || busyMs < this.#busyMsPerCall) {
      this.#busyMsPerCall += (busyMs - this.#busyMsPerCall) / 4;
      this.#allowedMs = Math.min(maxAllowedMs, Math.max(this.#delayMs, callsInLine * this.#busyMsPerCall));
    }
  }
}
