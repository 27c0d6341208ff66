import { Code, ConnectError } from "@connectrpc/connect";
import CircuitBreaker from "opossum";
import { MeshError, type MeshErrorCode } from "../errors.ts";

/**
 * Keeps calls away from an instance that fails most of them (POOL-11). opossum does the counting; its own timeout stays
 * off, because it would abort every call of the breaker at once (nodeshift/opossum#780) and deadlines are ours anyway.
 *
 * States are named by what happens to the instance: "admitting" takes calls, "ejected" takes none, "probing" takes one to
 * see whether it recovered. Only failures that tell about the instance count: a refused argument or a missing record is a
 * good answer. A caller that went away says nothing; a probe that ends so has shown no recovery, and the rest begins anew.
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

  /** Runs the call and counts what became of it. Rejects with NO_INSTANCE_AVAILABLE, not sent, while ejected. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    try {
      return (await this.#breaker.fire(call)) as T;
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

/** Codes that tell about the instance rather than about the call. */
const blamingCodes: ReadonlySet<Code> = new Set([
  Code.Unknown,
  Code.DeadlineExceeded,
  Code.Internal,
  Code.Unavailable,
  Code.DataLoss,
]);

const blamingMeshCodes: ReadonlySet<MeshErrorCode> = new Set([
  "CONNECT_FAILED",
  "CONNECTION_LOST",
  "DEADLINE_EXCEEDED",
  "PROTOCOL_ERROR",
]);

function blamesInstance(error: unknown): boolean {
  if (error instanceof MeshError) {
    return blamingMeshCodes.has(error.meshCode);
  }
  return error instanceof ConnectError && blamingCodes.has(error.code);
}

/** What the mesh itself ended without an answer of the instance: a cancellation, a full queue. */
function saysNothing(error: unknown): boolean {
  return error instanceof MeshError && !blamingMeshCodes.has(error.meshCode);
}
