import type { Clock } from "../clock.ts";
import { type TraceIds, traceIdOf } from "../trace-context.ts";
import { bucketOf, durationBucketsSeconds } from "./duration-buckets.ts";

/**
 * Counts and times the calls of one method (and peer): what a counter with the label `code` and a histogram with the same
 * other labels would hold, as cells of a typed array. prom-client finds the cell of a call by hashing its labels, a
 * microsecond each time; a recorder has the labels once and costs a few nanoseconds (`mesh/bench/call-recorder.ts`).
 *
 * Exemplars: each bucket keeps the trace of one of its calls, so that a slow bucket leads to a slow trace. Which one must
 * not cost the other calls anything, so calls are captured by count, not by time: after each OpenMetrics scrape the first
 * call of a bucket, the second, the fourth, the eighth … A call pays one comparison, a scrape interval with a million calls
 * captures twenty, and the one that is shown comes from the later half. The clock is read for captured calls only. Which
 * traces are worth showing is the caller's business: it passes undefined for others.
 */
export class CallRecorder {
  /** Calls by code, then calls by bucket, then the sum of their seconds. Doubles count exactly up to 2^53. */
  readonly #cells = new Float64Array(sumCell + 1);
  /** By bucket: the count of its calls from which on one is captured, and by how much that grows next. */
  readonly #captureAt = new Float64Array(bucketCount);
  readonly #captureStep = new Float64Array(bucketCount).fill(1);
  readonly #exemplarSeconds = new Float64Array(bucketCount);
  readonly #exemplarAtMs = new Float64Array(bucketCount);
  readonly #exemplarTraces = new Int32Array(bucketCount * 4);
  readonly #clock: Pick<Clock, "now">;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /**
   * Notes a call that has ended. `code` is Connect's, 0 for a call that was answered; one that does not exist counts as
   * Unknown, and a time that is negative or none as 0: a recorder never throws into a call.
   */
  record(code: number, durationMs: number, trace: TraceIds | undefined): void {
    const cells = this.#cells;
    const seconds = durationMs >= 0 ? durationMs / 1000 : 0;
    const codeCell = code >>> 0 < callCodes.length ? code >>> 0 : unknownCode;
    cells[codeCell] = (cells[codeCell] as number) + 1;
    cells[sumCell] = (cells[sumCell] as number) + seconds;
    const bucket = bucketOf(seconds);
    const seen = (cells[firstBucketCell + bucket] as number) + 1;
    cells[firstBucketCell + bucket] = seen;
    if (seen >= (this.#captureAt[bucket] as number) && trace !== undefined) {
      this.#capture(bucket, seen, seconds, trace);
    }
  }

  /** How many calls ended with a code. */
  callsWith(code: number): number {
    return this.#cells[code] ?? 0;
  }

  /** How many calls fell into a bucket; the last bucket has no bound. */
  callsInBucket(bucket: number): number {
    return this.#cells[firstBucketCell + bucket] ?? 0;
  }

  /** How many calls ended, whatever their code. */
  get calls(): number {
    let sum = 0;
    for (let code = 0; code < callCodes.length; code += 1) {
      sum += this.callsWith(code);
    }
    return sum;
  }

  get sumSeconds(): number {
    return this.#cells[sumCell] ?? 0;
  }

  /** The call that a bucket shows; undefined when none was captured. */
  exemplarOf(bucket: number): Exemplar | undefined {
    const traces = this.#exemplarTraces;
    const ids = {
      trace0: traces[bucket * 4] ?? 0,
      trace1: traces[bucket * 4 + 1] ?? 0,
      trace2: traces[bucket * 4 + 2] ?? 0,
      trace3: traces[bucket * 4 + 3] ?? 0,
      span0: 0,
      span1: 0,
      traceFlags: 0,
    };
    return hasTrace(ids)
      ? {
          traceId: traceIdOf(ids),
          seconds: this.#exemplarSeconds[bucket] ?? 0,
          atMs: this.#exemplarAtMs[bucket] ?? 0,
        }
      : undefined;
  }

  /** Asks for fresh exemplars: the next call of each bucket is captured again. */
  renewExemplars(): void {
    this.#captureAt.fill(0);
    this.#captureStep.fill(1);
  }

  #capture(bucket: number, seen: number, seconds: number, trace: TraceIds): void {
    if (!hasTrace(trace)) {
      return;
    }
    const step = this.#captureStep[bucket] as number;
    this.#captureAt[bucket] = seen + step;
    this.#captureStep[bucket] = step * 2;
    this.#exemplarSeconds[bucket] = seconds;
    this.#exemplarAtMs[bucket] = this.#clock.now();
    this.#exemplarTraces[bucket * 4] = trace.trace0;
    this.#exemplarTraces[bucket * 4 + 1] = trace.trace1;
    this.#exemplarTraces[bucket * 4 + 2] = trace.trace2;
    this.#exemplarTraces[bucket * 4 + 3] = trace.trace3;
  }
}

/** One call of a bucket, by its trace. */
export interface Exemplar {
  readonly traceId: string;
  readonly seconds: number;
  readonly atMs: number;
}

/** The values of the label `code`: Connect's spelling, by number. */
export const callCodes: readonly string[] = [
  "ok",
  "canceled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
];

const unknownCode = callCodes.indexOf("unknown");
/** One for each bound, and one for what is beyond the last. */
const bucketCount = durationBucketsSeconds.length + 1;
const firstBucketCell = callCodes.length;
const sumCell = firstBucketCell + bucketCount;

/** An id of zeros stands for no trace. */
function hasTrace({ trace0, trace1, trace2, trace3 }: TraceIds): boolean {
  return (trace0 | trace1 | trace2 | trace3) !== 0;
}
