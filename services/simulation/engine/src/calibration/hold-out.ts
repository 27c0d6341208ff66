/**
 * Traces in two parts, by time: the first to calibrate from, the last to compare with. Not at random: neighbouring requests share queues
 * and bursts, so a random half would already know the other.
 */

import type { WindowFigures } from "./compare-measured.ts";
import { Namer } from "./names.ts";
import { SpanCollector } from "./spans.ts";
import { type Visit, visitsFrom } from "./visits.ts";

export interface HeldOut {
  readonly calibration: SpanCollector;
  readonly windows: readonly WindowFigures[];
  readonly windowMs: number;
}

const leastInWindow = 100;
const mostWindows = 20;

/** `share` of the recorded time is held out, 0 to 1, both excluded. Traces belong to where they begin. */
export function holdOut(all: SpanCollector, share: number, samplingRatio = 1): HeldOut {
  const starts = new Map<string, number>();
  for (const { traceId, startUs } of all.spans) {
    starts.set(traceId, Math.min(startUs, starts.get(traceId) ?? Number.POSITIVE_INFINITY));
  }
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  for (const startUs of starts.values()) {
    first = Math.min(first, startUs);
    last = Math.max(last, startUs);
  }
  const cut = last - (last - first) * share;
  const calibration = new SpanCollector();
  for (const [reason, count] of all.refused) calibration.refused.set(reason, count);
  const later: SpanCollector["spans"] = [];
  for (const span of all.spans) {
    if ((starts.get(span.traceId) as number) < cut) calibration.add(span);
    else later.push(span);
  }
  const entries = visitsFrom(later, new Namer()).visits.filter(({ isEntry }) => isEntry);
  const count = Math.max(1, Math.min(mostWindows, Math.floor(entries.length / leastInWindow)));
  const windowUs = (last - cut) / count;
  const windows = Array.from({ length: count }, (_, index) => {
    const from = cut + index * windowUs;
    const own = entries.filter(({ startUs }) => startUs >= from && startUs < from + windowUs);
    return figuresOf(own, windowUs / 1000, samplingRatio);
  });
  return { calibration, windows, windowMs: windowUs / 1000 };
}

function figuresOf(entries: readonly Visit[], windowMs: number, samplingRatio: number): WindowFigures {
  // As the engine does: latencies are of the requests that were answered well.
  const latenciesMs = entries.filter(({ failed }) => !failed).map(({ startUs, endUs }) => (endUs - startUs) / 1000);
  const sorted = Float64Array.from(latenciesMs).sort();
  const ratePerSecond = (latenciesMs.length / samplingRatio / windowMs) * 1000;
  if (sorted.length === 0) return { ratePerSecond };
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] as number;
  const meanMs = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return { ratePerSecond, meanMs, p50Ms: at(0.5), p90Ms: at(0.9), p95Ms: at(0.95), p99Ms: at(0.99) };
}
