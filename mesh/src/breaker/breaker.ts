import CircuitBreaker from "opossum";
import { MeshError, type MeshErrorCode } from "../errors.ts";

/**
 * Keeps calls away from an instance that fails most of them (POOL-11). opossum does the counting; its own timeout stays
 * off, because it would abort every call of the breaker at once (nodeshift/opossum#780) and deadlines are ours anyway.
 *
 * States are named by what happens to the instance: "admitting" takes calls, "ejected" takes none, "probing" takes one to
 * see whether it recovered. Only failures that tell about the instance count: connections that are refused or lost, and
 * answers that do not come in a fair time. A caller that went away says nothing; a probe that ends so has shown no recovery, and the rest begins anew.
 */
export type BreakerState = "admitting" | "probing" | "ejected";

export interface BreakerOptions {
  /** Share of failed calls, 0 to 1, that ejects; 0.5 when absent: below it the instance still does more good than harm. */
  readonly errorRatio?: number;
  /** Calls needed in the window before the ratio counts; 10 when absent. */
  readonly minCalls?: number;
  /** Window over which calls are counted; 10 s when absent. */
  readonly windowMs?: number;
  /** How long an ejected instance rests before a probe; 2 s when absent. */
  readonly restMs?: number;
  readonly onTransition?: (to: BreakerState) => void;
}

export class Breaker {
  readonly #breaker: CircuitBreaker<[() => Promise<unknown>], unknown>;

  constructor(options: BreakerOptions = {}) {
    const { windowMs = 10_000 } = options;
    this.#breaker = new CircuitBreaker((run: () => Promise<unknown>) => run(), {
      timeout: false,
      errorThresholdPercentage: (options.errorRatio ?? 0.5) * 100,
      volumeThreshold: options.minCalls ?? 10,
      rollingCountTimeout: windowMs,
      rollingCountBuckets: 10,
      rollingPercentilesEnabled: false,
      resetTimeout: options.restMs ?? 2000,
      errorFilter: (error: unknown) => !blamesInstance(error) && !(saysNothing(error) && this.#breaker.halfOpen),
    });
    this.#breaker.on("open", () => options.onTransition?.("ejected"));
    this.#breaker.on("halfOpen", () => options.onTransition?.("probing"));
    this.#breaker.on("close", () => options.onTransition?.("admitting"));
  }

  get state(): BreakerState {
    if (this.#breaker.opened) {
      return "ejected";
    }
    return this.#breaker.halfOpen || this.#breaker.pendingClose ? "probing" : "admitting";
  }

  /** Whether a call would be run now: also the one that probes, but not those beside it. */
  get admits(): boolean {
    return this.#breaker.closed || this.#breaker.pendingClose;
  }

  /**
   * Runs the call and counts what became of it. Rejects with NO_INSTANCE_AVAILABLE, not sent, while ejected. `patienceMs`
   * is the time that the caller gives: one that gives hardly any learns nothing about the instance by running out of it.
   */
  async run<T>(call: () => Promise<T>, patienceMs: number = Number.POSITIVE_INFINITY): Promise<T> {
    const judged = async (): Promise<{ value: T } | { hasty: unknown }> => {
      try {
        return { value: await call() };
      } catch (error) {
        if (patienceMs < fairPatienceMs && error instanceof MeshError && error.meshCode === "DEADLINE_EXCEEDED") {
          return { hasty: error };
        }
        throw error;
      }
    };
    try {
      const outcome = (await this.#breaker.fire(judged)) as { value: T } | { hasty: unknown };
      if ("hasty" in outcome) {
        throw outcome.hasty;
      }
      return outcome.value;
    } catch (error) {
      if (CircuitBreaker.isOurError(error as Error)) {
        throw new MeshError("NO_INSTANCE_AVAILABLE", "its circuit breaker is open", { cause: error });
      }
      throw error;
    }
  }

  /** Stops its timers. */
  close(): void {
    this.#breaker.shutdown();
  }
}

/** Nobody can blame an instance for not answering faster than this. */
const fairPatienceMs = 1000;

const blamingMeshCodes: ReadonlySet<MeshErrorCode> = new Set([
  "CONNECT_FAILED",
  "CONNECTION_LOST",
  "DEADLINE_EXCEEDED",
  "PROTOCOL_ERROR",
]);

/**
 * What tells about the instance rather than about the call. An answer never does, not even INTERNAL: whoever finds an
 * input that makes a service fail could otherwise take it from everybody with ten calls.
 */
function blamesInstance(error: unknown): boolean {
  return error instanceof MeshError && blamingMeshCodes.has(error.meshCode);
}

/** What the mesh itself ended without an answer of the instance: a cancellation, a full queue. */
function saysNothing(error: unknown): boolean {
  return error instanceof MeshError && !blamingMeshCodes.has(error.meshCode);
}
