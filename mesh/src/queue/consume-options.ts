import { backoffDelayMs } from "../backoff.ts";
import type { Random } from "../random.ts";
import { type ConsumeOptions, UnretryableJobError } from "./work-queue.ts";

export type ResolvedConsumeOptions = Required<ConsumeOptions>;

const DEFAULTS: ResolvedConsumeOptions = {
  concurrency: 4,
  leaseMs: 30_000,
  maxAttempts: 5,
  backoff: { baseMs: 1000, maxMs: 60_000 },
  drainTimeoutMs: 10_000,
};

/** Fills defaults and refuses values that could never work, naming the field. */
export function resolveConsumeOptions(given: ConsumeOptions = {}): ResolvedConsumeOptions {
  const options = { ...DEFAULTS, ...given };
  assertAtLeast("concurrency", options.concurrency, 1);
  assertAtLeast("leaseMs", options.leaseMs, 10);
  assertAtLeast("maxAttempts", options.maxAttempts, 1);
  assertAtLeast("backoff.baseMs", options.backoff.baseMs, 0);
  assertAtLeast("backoff.maxMs", options.backoff.maxMs, options.backoff.baseMs);
  assertAtLeast("drainTimeoutMs", options.drainTimeoutMs, 0);
  return options;
}

function assertAtLeast(field: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new RangeError(`${field}: ${value} is not a whole number of at least ${least}`);
  }
}

export type FailureVerdict = { readonly kind: "retry"; readonly delayMs: number } | { readonly kind: "dead" };

export interface FailureFacts {
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly backoff: ConsumeOptions["backoff"] & object;
  readonly error: unknown;
  readonly random: Pick<Random, "next">;
}

/** What becomes of a job whose attempt failed (EVT-51). */
export function judgeFailure({ attempt, maxAttempts, backoff, error, random }: FailureFacts): FailureVerdict {
  if (attempt >= maxAttempts || error instanceof UnretryableJobError) return { kind: "dead" };
  return { kind: "retry", delayMs: backoffDelayMs({ attempt, ...backoff, random }) };
}
