/**
 * A fixed number of users who go round: think, then visit stations.
 *
 * Exact mean value analysis for one class (Reiser and Lavenberg 1980): a user who arrives finds what the network with one
 * user less shows on average. It is exact for exponential work at single slots and for any work at delays, whatever the
 * order of the visits. The operational bounds (Denning and Buzen 1978) hold for any distribution.
 */
export interface ClosedStation {
  /** Work per user and round: visits × service time. */
  readonly demandMs: number;
  /** Everybody is served at once: nobody queues. */
  readonly isDelay?: boolean;
}

export interface ClosedFigures {
  readonly throughputPerSecond: number;
  /** A round without the thinking. */
  readonly responseMs: number;
  readonly stations: readonly {
    readonly utilization: number;
    readonly meanPresent: number;
    readonly residenceMs: number;
  }[];
}

/** `users` is a whole number, 0 or more. A round that takes no time has an endless throughput. */
export function closedNetwork(
  stations: readonly ClosedStation[],
  given: { readonly users: number; readonly thinkMs: number },
): ClosedFigures {
  const present = new Float64Array(stations.length);
  const residenceMs = new Float64Array(stations.length);
  let ratePerMs = 0;
  let responseMs = 0;
  for (let users = 1; users <= given.users; users++) {
    responseMs = 0;
    for (const [index, { demandMs, isDelay }] of stations.entries()) {
      const residence = isDelay === true ? demandMs : demandMs * (1 + (present[index] as number));
      residenceMs[index] = residence;
      responseMs += residence;
    }
    ratePerMs = users / (given.thinkMs + responseMs);
    if (ratePerMs === Infinity) break;
    for (let index = 0; index < present.length; index++) present[index] = ratePerMs * (residenceMs[index] as number);
  }
  return {
    throughputPerSecond: 1000 * ratePerMs,
    responseMs,
    stations: stations.map(({ demandMs }, index) => ({
      utilization: demandMs === 0 ? 0 : ratePerMs * demandMs,
      meanPresent: present[index] as number,
      residenceMs: residenceMs[index] as number,
    })),
  };
}

export interface OperationalBounds {
  /** No more than 1 ÷ the largest demand, nor than users ÷ a round without waiting. */
  readonly maximumRatePerSecond: number;
  readonly minimumResponseMs: number;
  /** N*: beyond so many users somebody must wait. */
  readonly saturationUsers: number;
}

export function operationalBounds(
  demandsMs: readonly number[],
  given: { readonly users: number; readonly thinkMs: number },
): OperationalBounds {
  const totalMs = demandsMs.reduce((sum, demand) => sum + demand, 0);
  const largestMs = demandsMs.reduce((largest, demand) => Math.max(largest, demand), 0);
  const roundMs = totalMs + given.thinkMs;
  return {
    maximumRatePerSecond: 1000 * Math.min(1 / largestMs, given.users / roundMs),
    minimumResponseMs: Math.max(totalMs, given.users * largestMs - given.thinkMs),
    saturationUsers: largestMs === 0 ? Infinity : roundMs / largestMs,
  };
}

/** What a period of observation says (Denning and Buzen 1978): U = XS. */
export function operationalLaws(observed: {
  readonly periodMs: number;
  readonly busyMs: number;
  readonly completions: number;
}): { utilization: number; meanServiceMs: number; throughputPerSecond: number } {
  const { periodMs, busyMs, completions } = observed;
  return {
    utilization: busyMs / periodMs,
    meanServiceMs: completions === 0 ? 0 : busyMs / completions,
    throughputPerSecond: (1000 * completions) / periodMs,
  };
}
