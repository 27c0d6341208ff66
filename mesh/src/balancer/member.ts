import type { Breaker } from "../breaker/breaker.ts";
import type { Choice } from "./p2c.ts";
import { PeakEwma } from "./peak-ewma.ts";
import { slowStartDefaultMs, warmthAt } from "./slow-start.ts";

/** What an instance without any answer counts as while calls are under way there: it gets one, and the next when it answered. */
const unansweredMs = 1000;
/** What it counts as when its first call failed at once: not for good, but behind those that answer. */
const failedMs = 100;
/** What every call costs besides its latency; keeps a latency that was forgotten in a quiet hour from meaning "free". */
const floorMs = 1;

/**
 * What the balancer knows of one instance: its latency and load, its breakers, its age, and the counts of the current
 * interval for the comparison with its peers. Whether it can be reached the subclass knows. Fields are plain, because
 * every call reads and writes them.
 */
export abstract class Member implements Choice {
  readonly latency = new PeakEwma();
  /** Attempts that chose it and have not ended. */
  assigned = 0;
  /** It says of itself that it is ready and healthy. */
  ready = true;
  draining = false;
  /** In the zone of this process. */
  local = true;
  /** By index of the group; made with the first call of the group that ended there. */
  readonly breakers: (Breaker | undefined)[] = [];
  /** It warms up from here. */
  warmSinceMs: number;
  /** It could not be chosen when last looked at, so that it is as if new when it can. */
  wasOut = false;

  /** Left out by the comparison until then. */
  ejectedUntilMs = Number.NEGATIVE_INFINITY;
  /** Times that it was, fading. */
  ejections = 0;
  calls = 0;
  failures = 0;
  /** Sum of the binary logarithms of the latencies in units of 2^-10 ms, whole: a logarithm that costs one instruction. */
  #latencyBits = 0;
  readonly #slowStartMs: number;

  constructor(nowMs: number, slowStartMs = slowStartDefaultMs) {
    this.warmSinceMs = nowMs;
    this.#slowStartMs = slowStartMs;
  }

  /** Whether a call would get there now, or could soon. */
  abstract get reachable(): boolean;

  load(nowMs: number): number {
    if (this.latency.known) {
      return (this.latency.valueMs(nowMs) + floorMs) * (this.assigned + 1);
    }
    return this.assigned === 0 ? 0 : unansweredMs * (this.assigned + 1);
  }

  warmth(nowMs: number): number {
    return warmthAt(nowMs - this.warmSinceMs, this.#slowStartMs);
  }

  /** It can be called again: it may be another process, or in another shape, so it is as if new. */
  revive(nowMs: number): void {
    this.wasOut = false;
    this.warmSinceMs = nowMs;
    this.latency.forget();
  }

  /** A call was answered. */
  answered(latencyMs: number, nowMs: number): void {
    this.latency.observe(latencyMs, nowMs);
    this.#count(latencyMs);
  }

  /** A call failed: it would have taken longer, and one that failed at once must not look like a quick answer. */
  failed(latencyMs: number, nowMs: number): void {
    this.latency.observeAtLeast(this.latency.known ? latencyMs : Math.max(latencyMs, failedMs), nowMs);
    this.failures += 1;
    this.#count(latencyMs);
  }

  /** A call ended early, for a reason that is not the instance's; it did not answer until then. */
  left(latencyMs: number, nowMs: number): void {
    this.latency.observeAtLeast(Math.max(latencyMs, floorMs), nowMs);
  }

  /** The geometric mean over the interval. */
  get intervalLatencyMs(): number {
    // Half a bit is lost by cutting each logarithm to a whole number.
    return this.calls === 0 ? 0 : 2 ** (this.#latencyBits / this.calls + 0.5 - 10);
  }

  beginInterval(): void {
    this.calls = 0;
    this.failures = 0;
    this.#latencyBits = 0;
  }

  #count(latencyMs: number): void {
    this.calls += 1;
    this.#latencyBits += 31 - Math.clz32((latencyMs * 1024) | 1);
  }
}
