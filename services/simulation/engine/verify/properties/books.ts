/**
 * The books of every component, at any time: no request is lost, and Little's law holds to a billionth (Little 1961; over a
 * closed interval it is an identity, so that a difference is an error of the engine and not bad luck).
 */
import { resultsOfComponent } from "../../src/scenario.ts";
import type { Property } from "../property.ts";
import { busyModel, runBusy } from "./busy-model.ts";

const acceptedError = 1e-9;

const conservation: Property = {
  id: "conservation",
  what: "arrived = completed + failed + shed + in flight, at every component and at any time",
  check: (isQuick) => {
    let looks = 0;
    let lost = 0;
    let requests = 0;
    for (let seed = 1; seed <= (isQuick ? 2 : 10); seed++) {
      const simulation = runBusy({ seed, durationMs: 30_000 }, 70, (at) => {
        for (const { arrivals, completed, failed, shed, inFlight } of at.audit()) {
          looks++;
          lost += Math.abs(arrivals - completed - failed - shed - inFlight);
        }
      });
      for (const { id } of busyModel.components) {
        const { arrivals, completed, failed, shed, inFlight } = resultsOfComponent(simulation.results(), id);
        lost += Math.abs(arrivals - completed - failed - shed - inFlight);
        requests += arrivals;
      }
    }
    return [{ name: "requests lost", holds: lost === 0, seen: `${lost} of ${requests}, in ${looks} looks` }];
  },
};

const littlesLaw: Property = {
  id: "little",
  what: "Little's law to 1e-9, at every component and at any time",
  check: (isQuick) => {
    let looks = 0;
    let worst = 0;
    for (let seed = 11; seed <= (isQuick ? 12 : 20); seed++) {
      runBusy({ seed, durationMs: 30_000 }, 110, (at) => {
        for (const { presentAreaNs, residenceNs } of at.audit()) {
          looks++;
          if (residenceNs > 0) worst = Math.max(worst, Math.abs(presentAreaNs / residenceNs - 1));
        }
      });
    }
    return [
      { name: "largest error", holds: worst <= acceptedError, seen: `${worst.toExponential(1)} in ${looks} looks` },
    ];
  },
};

const ratios: Property = {
  id: "ratios",
  what: "shares are between 0 and 1, parts are no larger than their wholes, quantiles ascend",
  check: (isQuick) => {
    const broken: string[] = [];
    let looks = 0;
    for (let seed = 21; seed <= (isQuick ? 22 : 30); seed++) {
      const { components } = runBusy({ seed, durationMs: 30_000, warmupMs: 2000 }, 30_000).results();
      for (const one of components) {
        const { latency } = one;
        const ascending = [
          [0, one.workUtilization, one.utilization, 1],
          [0, one.queueLengthMean, one.queueLengthMax],
          [one.queueLengthMean, one.inFlightMean],
          [0, latency.p50Ms, latency.p90Ms, latency.p95Ms, latency.p99Ms, latency.p999Ms, latency.maxMs],
          [0, latency.meanMs, latency.maxMs],
        ];
        looks += ascending.length;
        for (const row of ascending) if (!isAscending(row)) broken.push(`${one.id}: ${row.join(" > ")}`);
      }
    }
    return [{ name: "out of order", holds: broken.length === 0, seen: broken[0] ?? `none in ${looks} rows` }];
  },
};

/** Up to the rounding of a division. */
function isAscending(values: readonly number[]): boolean {
  return values.every((value, index) => index === 0 || value >= (values[index - 1] as number) - 1e-12);
}

export const books: readonly Property[] = [conservation, littlesLaw, ratios];
