import { LatencyQuantile } from "./latency-quantile.ts";

/**
 * When a call that takes unusually long is sent a second time, to another instance, and the first answer counts. Pure but
 * for the estimate of what is usual.
 *
 * Off unless the peer's declaration asks for it: a hedge trades load for latency, and only who knows the peer can tell
 * whether it has the room. Only methods marked idempotent, since both copies may be processed. Sent after the time within
 * which 95 of 100 calls are answered, so that it adds 5 % of load at most; and it must be paid from the retry budget's
 * savings, because an instance that is slow for being overloaded is made slower by more load. One hedge per call, and only
 * while there is another instance.
 *
 * The caller tells `observe` of every first attempt: its latency when it was answered, and the time it had when its hedge
 * overtook it. Without the latter the estimate would see only quick calls, and hedge more and more.
 */
export interface HedgeOptions {
  /** Share of calls that are answered before a hedge is sent, 0 to 1; 0.95 when absent. */
  readonly percentile?: number;
  /** The shortest wait; 1 ms when absent: a hedge that costs more than it saves is none. */
  readonly minDelayMs?: number;
  /** The longest wait, and the wait until there is an estimate; 1 s when absent. */
  readonly maxDelayMs?: number;
}

const percentileDefault = 0.95;
const minDelayDefaultMs = 1;
const maxDelayDefaultMs = 1000;

/** The hedging of one method of one peer. */
export class Hedging {
  readonly #minDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #usual: LatencyQuantile;

  constructor(options: HedgeOptions = {}) {
    this.#minDelayMs = options.minDelayMs ?? minDelayDefaultMs;
    this.#maxDelayMs = Math.max(this.#minDelayMs, options.maxDelayMs ?? maxDelayDefaultMs);
    this.#usual = new LatencyQuantile(options.percentile ?? percentileDefault);
  }

  observe(latencyMs: number): void {
    this.#usual.observe(latencyMs);
  }

  /** How long to wait for the first copy; Infinity when the call ends before a hedge could be answered. */
  delayMs(leftMs: number): number {
    const usualMs = this.#usual.valueMs ?? this.#maxDelayMs;
    const delayMs = Math.min(this.#maxDelayMs, Math.max(this.#minDelayMs, usualMs));
    // Half of the calls are answered well within the time that nearly all are.
    return delayMs + usualMs / 2 < leftMs ? delayMs : Number.POSITIVE_INFINITY;
  }
}

/** A method's hedging when its peer has it switched on, and the method may be sent twice. */
export function hedgingFor(isIdempotent: boolean, options: HedgeOptions | undefined): Hedging | undefined {
  return options === undefined || !isIdempotent ? undefined : new Hedging(options);
}

/**
 * Whether a copy is sent now that the wait is over; the budget is asked after this, since asking takes from it. A call that
 * was retried has had its second copy.
 */
export function mayHedge(attempts: number, hasOther: boolean): boolean {
  return attempts === 1 && hasOther;
}
