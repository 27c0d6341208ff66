import { backoffDelayMs } from "../backoff.ts";
import type { Clock, Timer } from "../clock.ts";
import type { Random } from "../random.ts";
import type { ScaleReason } from "./scaler.ts";

/**
 * When a pool may dial again after it lost connections or failed to open them, and how many at once.
 *
 *   ready ──lost──▶ spreading ──0 to 250 ms──▶ ready
 *     └──dial failed──▶ backing off ──0 to 50 ms, 100, … 2 s──▶ ready
 *
 * After a loss the pause is drawn at random, because what cut one connection (a deploy, a broken switch) cut many others in
 * this process and the rest: they must not all come back in the same instant. It holds back only what keeps the pool warm:
 * a call that waits while nothing is open has a connection dialled at once, and growth for load goes on. After a failed
 * dial nothing is dialled before the pause is over, whoever waits.
 *
 * A pool that lost its last connection, or failed to open one and has none, is unsure of the peer: it dials one connection
 * at a time until one opens, so that a dead peer costs one refused dial per pause and a peer that has just come back is not
 * met with everyone's minimum at once.
 */
const lossSpreadMs = 250;
const failureBaseMs = 50;
const failureMaxMs = 2000;

export class Redial {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #onReady: () => void;
  #pause: "none" | "spread" | "backoff" = "none";
  #timer: Timer | undefined;
  #failures = 0;
  #unsure = false;

  /** `onReady` is called when a pause is over. */
  constructor(clock: Clock, random: Random, onReady: () => void) {
    this.#clock = clock;
    this.#random = random;
    this.#onReady = onReady;
  }

  /** The peer was lost and has not been reached since. */
  get unsure(): boolean {
    return this.#unsure;
  }

  /** A dial failed, and the next one must wait. */
  get backingOff(): boolean {
    return this.#pause === "backoff";
  }

  /** A connection ended that the pool wanted to keep. */
  lost(open: number): void {
    this.#unsure ||= open === 0;
    if (this.#pause === "none") {
      this.#wait("spread", this.#random.next() * lossSpreadMs);
    }
  }

  /** A dial failed. Those that fail during the pause of an earlier one count with it. */
  failed(open: number): void {
    this.#unsure ||= open === 0;
    if (this.#pause === "backoff") {
      return;
    }
    this.#failures += 1;
    this.#wait(
      "backoff",
      backoffDelayMs({
        attempt: this.#failures,
        baseMs: failureBaseMs,
        maxMs: failureMaxMs,
        random: this.#random,
      }),
    );
  }

  /** A connection opened: the peer is there. */
  opened(): void {
    this.#failures = 0;
    this.#unsure = false;
  }

  /** How many of the connections that are wanted may be dialled now. */
  allows(wanted: number, reason: ScaleReason, connecting: number, waiting: number): number {
    if (this.#pause === "backoff") {
      return 0;
    }
    if (this.#unsure) {
      return connecting > 0 || (this.#pause === "spread" && waiting === 0) ? 0 : 1;
    }
    return this.#pause === "spread" && reason === "minimum" ? 0 : wanted;
  }

  close(): void {
    this.#timer?.cancel();
  }

  #wait(pause: "spread" | "backoff", delayMs: number): void {
    this.#timer?.cancel();
    this.#pause = pause;
    this.#timer = this.#clock.setTimer(() => {
      this.#pause = "none";
      this.#onReady();
    }, delayMs);
  }
}
