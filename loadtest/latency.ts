import { build } from "hdr-histogram-js";

/*
 * Latency, recorded so that it does not flatter. Two things make a load generator lie: it averages, and it waits for an answer
 * before it sends the next request, so that a pause of the server is seen by one request instead of by all that would have
 * come meanwhile ("coordinated omission").
 *
 * Here the arrivals of an open loop follow a schedule that knows nothing of answers, and a latency counts from the time a
 * call was due, not from the time it could be sent. A closed loop has no schedule; its percentiles are of service time and
 * are used for p50 at one call at a time and to compare pools only.
 */

/** 100 ns: fine enough for the 3 significant digits of a histogram at 80 µs. */
const ticksPerMs = 10_000;
const highestMs = 60_000;

/** A histogram of times in milliseconds, 3 significant digits, up to a minute. */
export class LatencyRecorder {
  readonly #histogram = build({
    bitBucketSize: 32,
    useWebAssembly: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: highestMs * ticksPerMs,
    numberOfSignificantValueDigits: 3,
  });

  record(latencyMs: number): void {
    this.#histogram.recordValue(Math.min(highestMs * ticksPerMs, Math.max(0, Math.round(latencyMs * ticksPerMs))));
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** 0 when nothing was recorded. */
  percentileMs(percentile: number): number {
    return this.count === 0 ? 0 : this.#histogram.getValueAtPercentile(percentile) / ticksPerMs;
  }
}

/**
 * The schedule of an open loop: call n is due at start + n ÷ rate, whatever has become of the calls before it. Pure: the
 * time is passed in.
 */
export class ArrivalSchedule {
  readonly #startMs: number;
  readonly #gapMs: number;
  /** How many calls the schedule holds. */
  readonly total: number;
  #issued = 0;

  constructor(options: { readonly startMs: number; readonly callsPerSecond: number; readonly durationMs: number }) {
    this.#startMs = options.startMs;
    this.#gapMs = 1000 / options.callsPerSecond;
    this.total = Math.floor(options.durationMs / this.#gapMs);
  }

  get issued(): number {
    return this.#issued;
  }

  get finished(): boolean {
    return this.#issued >= this.total;
  }

  /** When the next call was or will be due. */
  get nextDueMs(): number {
    return this.#startMs + this.#issued * this.#gapMs;
  }

  /** Takes the next call if it is due and gives the time it was due at, else undefined. */
  take(nowMs: number): number | undefined {
    const dueMs = this.nextDueMs;
    if (this.finished || dueMs > nowMs) {
      return undefined;
    }
    this.#issued += 1;
    return dueMs;
  }
}
