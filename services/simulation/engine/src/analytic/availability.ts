/**
 * A fixed number of sources that come, are served and go back: machines and their repair crews, or callers with a bounded
 * number of calls (M/M/c//N; Palm 1947, Engset 1918; Kleinrock I, 3.8). And k of n independent nodes (binomial).
 *
 * The chain is summed upwards with running scaling, so any number of sources is stable. Waits are exact for exponential
 * work and any think time when there are as many slots as sources, and for exponential think time otherwise.
 */
const large = 1e200;
const mostRatio = 1e15;

export interface FiniteSourceFigures {
  /** Sources that wait or are served: machines down. */
  readonly meanPresent: number;
  readonly meanQueueLength: number;
  /** The share of the time in which no source waits or is served: all machines up. */
  readonly emptyShare: number;
  /** Share of the sources that are away: machines up. */
  readonly awayShare: number;
  readonly throughputPerSecond: number;
  readonly meanWaitMs: number;
}

export function finiteSourceStation(given: {
  readonly sources: number;
  readonly thinkMs: number;
  readonly meanServiceMs: number;
  readonly slots: number;
}): FiniteSourceFigures {
  const { sources, thinkMs, meanServiceMs, slots } = given;
  if (meanServiceMs === 0) {
    const throughputPerSecond = (1000 * sources) / thinkMs;
    return { meanPresent: 0, meanQueueLength: 0, emptyShare: 1, awayShare: 1, throughputPerSecond, meanWaitMs: 0 };
  }
  // Sources that never stay away are all present: a think time of almost nothing says the same without an exception.
  const ratio = Math.min(meanServiceMs / thinkMs, mostRatio);
  let empty = 1;
  let all = 1;
  let present = 0;
  let queue = 0;
  let weight = 1;
  for (let count = 1; count <= sources; count++) {
    weight *= ((sources - count + 1) * ratio) / Math.min(count, slots);
    all += weight;
    present += weight * count;
    if (count > slots) queue += weight * (count - slots);
    if (all < large) continue;
    weight /= large;
    empty /= large;
    all /= large;
    present /= large;
    queue /= large;
  }
  const meanQueueLength = queue / all;
  const busy = (present - queue) / all;
  const throughputPerSecond = (1000 * busy) / meanServiceMs;
  return {
    meanPresent: present / all,
    meanQueueLength,
    emptyShare: empty / all,
    awayShare: 1 - present / all / sources,
    throughputPerSecond,
    meanWaitMs: throughputPerSecond === 0 ? 0 : (1000 * meanQueueLength) / throughputPerSecond,
  };
}

/** The share of the time a node is up. */
export function nodeAvailability(meanUpMs: number, meanDownMs: number): number {
  return meanUpMs / (meanUpMs + meanDownMs);
}

/** The share of the time in which at least `needed` of `nodes` independent ones are up. */
export function quorumAvailability(nodes: number, needed: number, availability: number): number {
  if (availability >= 1) return 1;
  let weight = (1 - availability) ** nodes;
  let up = needed <= 0 ? weight : 0;
  for (let count = 1; count <= nodes; count++) {
    weight *= ((nodes - count + 1) / count) * (availability / (1 - availability));
    if (count >= needed) up += weight;
  }
  return Math.min(1, up);
}
