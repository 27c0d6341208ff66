import type { Estimate, Study } from "@weft/simulator";
import { quantileFromBuckets } from "../../top/series.ts";
import type { ObservedService } from "./observe-mesh.ts";

/** A figure as it was measured and as it was simulated; the latter with its 95 % interval over the replications. */
export interface LiveFigure {
  readonly service: string;
  readonly figure: "calls/s" | "mean" | "p50" | "p95" | "p99";
  readonly unit: "/s" | "ms";
  readonly measured: number;
  readonly simulated: Estimate;
  /** Simulated ÷ measured - 1. */
  readonly error: number;
}

const quantiles = [
  ["p50", 0.5, "p50Ms"],
  ["p95", 0.95, "p95Ms"],
  ["p99", 0.99, "p99Ms"],
] as const;

/** Every service that was called and is in the study. Quantiles of measurements are as exact as their buckets. */
export function compareLive(observed: readonly ObservedService[], study: Study): LiveFigure[] {
  return observed.flatMap((service): LiveFigure[] => {
    const component = study.components.find(({ id }) => id === service.name);
    if (component === undefined || service.callsPerSecond === 0) return [];
    const { latency, throughputPerSecond } = component;
    const figure = (name: LiveFigure["figure"], measured: number | undefined, simulated: Estimate): LiveFigure[] => {
      if (measured === undefined || measured === 0) return [];
      const unit = name === "calls/s" ? "/s" : "ms";
      const error = simulated.value / measured - 1;
      return [{ service: service.name, figure: name, unit, measured, simulated, error }];
    };
    return [
      ...figure("calls/s", service.callsPerSecond, throughputPerSecond),
      ...figure("mean", service.meanMs, latency.meanMs),
      ...quantiles.flatMap(([name, share, field]) => {
        const seconds = quantileFromBuckets(service.buckets, share);
        return figure(name, seconds === undefined ? undefined : seconds * 1000, latency[field]);
      }),
    ];
  });
}
