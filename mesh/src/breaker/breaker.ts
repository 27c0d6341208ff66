import { backoffCeilingMs } from "../backoff.ts";
import type { Random } from "../random.ts";
import type { Outcome } from "./blame.ts";
import { CallWindow } from "./call-window.ts";
import { type ConsecutiveFailuresOptions, consecutiveFailuresDefaults, failsInARow } from "./consecutive-failures.ts";
import { failsTooOften, type SuccessRateOptions, successRateDefaults } from "./success-rate.ts";

/**
 * Keeps calls of one method group away from an instance that fails them (POOL-11). The policies decide (success-rate.ts,
 * consecutive-failures.ts), blame.ts says what a failure is; this is the mechanism.
 *
 *   admitting ── a policy says so ──▶ ejected ── the rest is over ──▶ probing ── its one call succeeds ──▶ admitting
 *                                        ▲                               │
 *                                        └─────── it fails, or says nothing ┘
 *
 * States are named by what happens to the instance: "admitting" takes calls, "ejected" takes none, "probing" takes one to
 * see whether it recovered. A probe that fails makes the next rest twice as long, and so does an ejection soon after a
 * recovery, or an instance that flaps would be trusted anew each time; a probe that says nothing begins the same rest anew.
 *
 * There is no timer: the state follows from the reading of the clock that each question brings along. Calls that began
 * before the last change say nothing about now, and are not counted. Nothing here allocates per call.
 */
export type BreakerState = "admitting" | "probing" | "ejected";

/** Why the state changed; a closed set, so that it can be a label of a metric. */
export type BreakerReason =
  | "success_rate"
  | "consecutive_failures"
  | "rest_over"
  | "probe_ok"
  | "probe_failed"
  | "probe_unclear";

export interface BreakerTransition {
  readonly from: BreakerState;
  readonly to: BreakerState;
  readonly reason: BreakerReason;
  /** The reason in words and numbers: "7 of 12 calls failed in 10 s". */
  readonly detail: string;
  /** On the monotonic clock. */
  readonly atMs: number;
}

export interface BreakerOptions extends Partial<SuccessRateOptions>, Partial<ConsecutiveFailuresOptions> {
  /** How long an ejected instance rests before a probe; 2 s when absent: about what a restart takes. */
  readonly restMs?: number;
  /** The longest rest, after failed probes; 30 s when absent: a recovery is noticed within half a minute. */
  readonly maxRestMs?: number;
}

export interface BreakerParts {
  readonly options?: BreakerOptions;
  readonly random: Pick<Random, "next">;
  readonly onTransition?: (transition: BreakerTransition) => void;
}

const restDefaultMs = 2000;
const maxRestDefaultMs = 30_000;
/** A repeated rest is up to this much shorter, so that callers who lost an instance together do not probe it together. */
const restJitter = 0.25;
/** A probe of which nothing is heard for so long has been forgotten by its caller; another may go. */
const probePatienceMs = 30_000;
/** Latency is the difference of two readings, so that a beginning computed back from it may be off by a rounding error. */
const roundingMs = 0.01;

export class Breaker {
  readonly #successRate: SuccessRateOptions;
  readonly #consecutive: ConsecutiveFailuresOptions;
  readonly #restMs: number;
  readonly #maxRestMs: number;
  readonly #random: Pick<Random, "next">;
  readonly #onTransition: ((transition: BreakerTransition) => void) | undefined;
  readonly #window: CallWindow;
  #state: BreakerState = "admitting";
  /** When the state last changed; calls that began before do not count. */
  #sinceMs = Number.NEGATIVE_INFINITY;
  #failuresInARow = 0;
  #firstOfThemMs = 0;
  /** Ejections without a lasting recovery between them. */
  #ejections = 0;
  #restEndsMs = Number.POSITIVE_INFINITY;
  /** When the probe's place is free (again): the end of the rest, or of our patience with the probe under way. */
  #probeFreeMs = Number.POSITIVE_INFINITY;
  #probeBeganMs = Number.POSITIVE_INFINITY;

  constructor({ options = {}, random, onTransition }: BreakerParts) {
    this.#successRate = { ...successRateDefaults, ...options };
    this.#consecutive = { ...consecutiveFailuresDefaults, ...options };
    this.#restMs = options.restMs ?? restDefaultMs;
    this.#maxRestMs = Math.max(this.#restMs, options.maxRestMs ?? maxRestDefaultMs);
    this.#random = random;
    this.#onTransition = onTransition;
    this.#window = new CallWindow(this.#successRate.windowMs);
  }

  state(nowMs: number): BreakerState {
    if (this.#state === "ejected" && nowMs >= this.#restEndsMs) {
      this.#probeFreeMs = this.#restEndsMs;
      this.#probeBeganMs = Number.POSITIVE_INFINITY;
      this.#become("probing", "rest_over", `${words(nowMs - this.#sinceMs)} of rest are over`, nowMs);
    }
    return this.#state;
  }

  /** Whether a call may go there now: also the one that probes, but none beside it. Takes no place. */
  admits(nowMs: number): boolean {
    if (this.#state === "admitting") {
      return true;
    }
    return this.state(nowMs) === "probing" && nowMs >= this.#probeFreeMs;
  }

  /** The same, and takes the probe's place. False when the call must go elsewhere. */
  begin(nowMs: number): boolean {
    if (this.#state === "admitting") {
      return true;
    }
    if (!this.admits(nowMs)) {
      return false;
    }
    this.#probeBeganMs = nowMs;
    this.#probeFreeMs = nowMs + probePatienceMs;
    return true;
  }

  /** When `admits` may begin to say yes without a call being recorded; Infinity while it does. */
  get admitsAtMs(): number {
    if (this.#state === "admitting") {
      return Number.POSITIVE_INFINITY;
    }
    return this.#state === "ejected" ? this.#restEndsMs : this.#probeFreeMs;
  }

  /** What became of a call that began `latencyMs` ago. */
  record(outcome: Outcome, nowMs: number, latencyMs = 0): void {
    const state = this.#state;
    if (state === "admitting") {
      if (outcome !== "neutral" && nowMs - latencyMs >= this.#sinceMs - roundingMs) {
        this.#count(outcome === "failure", nowMs);
      }
    } else if (state === "probing" && nowMs - latencyMs >= this.#probeBeganMs - roundingMs) {
      this.#probed(outcome, nowMs);
    }
  }

  #count(failed: boolean, nowMs: number): void {
    this.#window.add(failed, nowMs);
    if (!failed) {
      this.#failuresInARow = 0;
      return;
    }
    if (this.#failuresInARow === 0) {
      this.#firstOfThemMs = nowMs;
    }
    this.#failuresInARow += 1;
    const { calls, failures } = this.#window;
    const seriesMs = nowMs - this.#firstOfThemMs;
    if (failsTooOften(calls, failures, this.#successRate)) {
      const detail = `${failures} of ${calls} calls failed in ${words(this.#successRate.windowMs)}`;
      this.#eject("success_rate", detail, nowMs);
    } else if (failsInARow(this.#failuresInARow, seriesMs, this.#consecutive)) {
      const detail = `${this.#failuresInARow} calls in a row failed, over ${words(seriesMs)}`;
      this.#eject("consecutive_failures", detail, nowMs);
    }
  }

  #probed(outcome: Outcome, nowMs: number): void {
    if (outcome === "success") {
      this.#window.clear();
      this.#failuresInARow = 0;
      this.#become("admitting", "probe_ok", `the probe was answered after ${words(nowMs - this.#probeBeganMs)}`, nowMs);
    } else if (outcome === "failure") {
      this.#ejections += 1;
      this.#rest("probe_failed", `the probe failed after ${words(nowMs - this.#probeBeganMs)}`, nowMs);
    } else {
      this.#rest("probe_unclear", "the probe ended without saying anything", nowMs);
    }
  }

  #eject(reason: BreakerReason, detail: string, nowMs: number): void {
    const lasted = nowMs - this.#sinceMs >= this.#successRate.windowMs;
    this.#ejections = lasted ? 1 : this.#ejections + 1;
    this.#rest(reason, detail, nowMs);
  }

  #rest(reason: BreakerReason, detail: string, nowMs: number): void {
    const ceilingMs = backoffCeilingMs(this.#ejections, this.#restMs, this.#maxRestMs);
    const restMs = this.#ejections === 1 ? ceilingMs : ceilingMs * (1 - restJitter * this.#random.next());
    this.#restEndsMs = nowMs + restMs;
    this.#become("ejected", reason, `${detail}; rests for ${words(restMs)}`, nowMs);
  }

  #become(to: BreakerState, reason: BreakerReason, detail: string, atMs: number): void {
    const from = this.#state;
    this.#state = to;
    this.#sinceMs = atMs;
    this.#onTransition?.({ from, to, reason, detail, atMs });
  }
}

function words(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`;
}
