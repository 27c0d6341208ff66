import type { RowRule } from "../report/rows.ts";
import { formatNumber } from "../report/table.ts";
import type { Measuring } from "./measuring.ts";
import { measureOverloadHeap } from "./overload-heap.ts";

/** What is there after a minute, against later: 1 is flat. A twentieth is left to what the collector cannot see yet. */
const flat = 0.95;

export function heapRules(minutes: number): readonly RowRule[] {
  const shared = { series: "heap", unit: "MiB", better: "less", peer: "after-a-minute", atLeast: flat } as const;
  const over = `of ${minutes} simulated minutes of an overload, against after the first minute`;
  const peerName = "after a minute";
  return [
    { ...shared, id: "overload-heap/end", what: `live heap at the end ${over}`, ours: "end", peerName },
    { ...shared, id: "overload-heap/peak", what: `largest live heap ${over}`, ours: "peak", peerName },
  ];
}

export function measureHeap({ samples, profile, progress }: Measuring): string {
  const { minutes } = profile;
  const { afterMinuteMiB, endMiB, peakMiB, errorRatio } = measureOverloadHeap(minutes, 1);
  samples.add("heap", "after-a-minute", 0, afterMinuteMiB);
  samples.add("heap", "end", 0, endMiB);
  samples.add("heap", "peak", 0, peakMiB);
  const failed = `${(errorRatio * 100).toFixed(0)} % of its requests fail`;
  if (errorRatio < 0.1) samples.fail("heap", "end", `it was no overload: ${failed}`);
  progress(`overload of ${minutes} minutes: ${formatNumber(endMiB)} MiB at the end; ${failed}`);
  return `in the overload ${failed}; live heap without what was there before it`;
}
