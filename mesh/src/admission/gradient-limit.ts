/*
 * Decides how many calls may be in flight. Pure arithmetic: what was seen in a window and a clock reading go in, the next
 * state comes out.
 *
 * The signal is latency over its uncongested level ("base"). While latency stays below `base × tolerance + slack` and the
 * limit is in the way, it grows; above, it becomes the concurrency that would have had the tolerated latency (the gradient).
 *
 *   steady ──latency too high──▶ cutting ──latency well again──▶ steady
 *     ▲                             └──concurrency halved, latency not──▶ the slowness is not ours: base = latency,
 *     │                                                                   and the limit is what it was before the cut
 *     └──latency fell no further: that is the base── probing ◀── limited for a minute without seeing the base
 *                                                     halves again and again
 *
 * Why not Netflix's Gradient2: its base is a long average of latency, which under lasting overload follows the latency that
 * the overload makes, and with it the limit. Why not Envoy's controller: it measures the base at 3 calls in flight every
 * minute, which stops an otherwise healthy server, and a dependency that slows down from 5 to 500 ms costs a minute. Both
 * questions, is the base too high and is it too low, are answered here by taking concurrency away and looking whether
 * latency goes with it. Halving costs no throughput as long as it does.
 *
 * The slack makes cheap handlers safe: calls that wait for each other in one batch are not congested by a latency that
 * nobody minds. What a busy thread does to calls that have not started cannot be seen here: event-loop-budget.ts.
 */

export interface GradientLimitOptions {
  /** Where the limit begins, and returns to in calm times: high, since only measured latency may lower it. */
  readonly initialLimit: number;
  /** Never below this: enough to keep one thread busy while some calls wait. */
  readonly minLimit: number;
  readonly maxInFlight: number;
  /** Latency may be this many times its base; 2 keeps a saturated dependency saturated, with as many waiting as served. */
  readonly latencyTolerance: number;
  /** Latency above the tolerated base that is never held against anybody. */
  readonly latencySlackMs: number;
  /** How long a limited server goes without seeing the base before it probes. */
  readonly probeIntervalMs: number;
}

/** What was seen since the last decision. */
export interface LatencyReading {
  /** Calls that ended, and their mean latency; without their wait for admission. */
  readonly calls: number;
  readonly meanMs: number;
  /** How far that mean may be from the true one by chance: its standard error. */
  readonly errorMs: number;
  /** Share of the calls that ran out of time or resources, 0 to 1. */
  readonly droppedShare: number;
  /** Mean of calls in flight, by the latency of those that ended. */
  readonly inFlight: number;
  /** Whether a call found the limit reached. */
  readonly limited: boolean;
  /** Whether any call was refused, for whatever reason: then nothing that is seen is uncongested. */
  readonly refusing: boolean;
}

/** What a step began from. */
interface Level {
  readonly reading: LatencyReading;
  readonly limit: number;
}

export interface GradientLimitState {
  readonly limit: number;
  /** Mean latency without congestion; undefined before the first reading. */
  readonly baseMs: number | undefined;
  /** Share of calls that are dropped whatever the concurrency. */
  readonly baseDroppedShare: number;
  /** When the base was last seen to hold. */
  readonly baseSeenAtMs: number;
  /** Readings count from then on: before, they show calls that started under another limit. */
  readonly settledAtMs: number;
  /** Where the cutting began. */
  readonly cut: Level | undefined;
  /** The last step of the probe; undefined unless probing. */
  readonly probe: Level | undefined;
}

/** A window with fewer calls says little about a mix of short and long ones. */
const readingMinCalls = 100;
const readingMinMs = 100;
const alarmMinCalls = 20;
/** A window is closed after this, however few calls it has. */
export const readingMaxMs = 1000;
/** Standard errors by which latency must be out of bounds: there are ten windows a second, and chance has many goes. */
const sureness = 3;
/** A cut is judged when concurrency is down to this share: its effect is then larger than the noise. */
const judgedShare = 0.6;
/** Latency that stays above this share of what it was, while concurrency fell so far, is not made by concurrency. */
const unmovedShare = 0.8;
/** One decision takes away half at most: a window may be a fluke. */
const smallestGradient = 0.5;
/** A base that is only believed: the first limited window probes. */
const neverSeen = Number.NEGATIVE_INFINITY;
/** More dropped calls than this share, beyond those that always are, count as latency out of bounds. */
const toleratedDrops = 0.1;
const droppedGradient = 0.75;
/** After a change, calls need twice their latency to show it; a few slow ones must not stop the controller. */
const maxSettleMs = 2000;

export function initialGradientLimit(options: GradientLimitOptions): GradientLimitState {
  return {
    limit: Math.min(options.initialLimit, options.maxInFlight),
    baseMs: undefined,
    baseDroppedShare: 0,
    baseSeenAtMs: 0,
    settledAtMs: 0,
    cut: undefined,
    probe: undefined,
  };
}

/** After a time without calls nothing of the last overload is left but the base. */
export function restedLimit(state: GradientLimitState, options: GradientLimitOptions): GradientLimitState {
  return { ...state, limit: initialGradientLimit(options).limit, settledAtMs: 0, cut: undefined, probe: undefined };
}

/** Whether a window says enough to decide by; little is enough where latency is far out of bounds. */
export function isReadable(
  reading: LatencyReading,
  windowMs: number,
  state: GradientLimitState,
  options: GradientLimitOptions,
): boolean {
  if (windowMs < readingMinMs) {
    return false;
  }
  if (reading.calls >= readingMinCalls || windowMs >= readingMaxMs) {
    return true;
  }
  const { baseMs = Number.POSITIVE_INFINITY, cut, probe } = state;
  const alarmingMs = 2 * toleratedMs(baseMs, options);
  return reading.calls >= alarmMinCalls && !cut && !probe && reading.meanMs - sureness * reading.errorMs > alarmingMs;
}

export function decideLimit(
  reading: LatencyReading,
  state: GradientLimitState,
  options: GradientLimitOptions,
  nowMs: number,
): GradientLimitState {
  if (reading.calls === 0) {
    return state;
  }
  if (state.probe !== undefined) {
    return probeFurther(reading, state, state.probe, options, nowMs);
  }
  const surelyDropped = reading.droppedShare - sureness * shareError(reading);
  const dropping = surelyDropped > toleratedDrops + 1.5 * state.baseDroppedShare;
  const learned = dropping ? state : learnBase(reading, state, options, nowMs);
  const tolerated = toleratedMs(learned.baseMs ?? reading.meanMs, options);
  if (dropping || reading.meanMs - sureness * reading.errorMs > tolerated) {
    if (reading.inFlight <= options.minLimit) {
      return { ...learned, cut: undefined };
    }
    const gradient = Math.min(dropping ? droppedGradient : 1, Math.max(smallestGradient, tolerated / reading.meanMs));
    return cutLimit(reading, gradient, learned, options, nowMs);
  }
  const calm = { ...learned, cut: undefined };
  if (!reading.limited) {
    return reading.refusing ? calm : { ...calm, limit: relaxed(calm.limit, options) };
  }
  if (nowMs - calm.baseSeenAtMs > options.probeIntervalMs) {
    return halve(reading, calm, options, nowMs);
  }
  // The square root is the queue that Netflix's limiters allow; far from congestion there is no need to be slow.
  const uncongested = reading.meanMs <= (calm.baseMs ?? 0) * 1.25;
  const step = Math.sqrt(calm.limit) + (uncongested ? calm.limit / 4 : 0);
  return { ...calm, limit: Math.min(options.maxInFlight, calm.limit + step) };
}

/** Down quickly; up quickly only where concurrency is too low to make latency. */
function learnBase(
  reading: LatencyReading,
  state: GradientLimitState,
  options: GradientLimitOptions,
  nowMs: number,
): GradientLimitState {
  const { baseMs } = state;
  if (baseMs === undefined) {
    // A process may begin amid an overload: its first limited window probes.
    return { ...state, baseMs: reading.meanMs, baseSeenAtMs: neverSeen };
  }
  const moreDropped = reading.droppedShare - state.baseDroppedShare;
  const baseDroppedShare = state.baseDroppedShare + moreDropped / (moreDropped < 0 ? 4 : 16);
  const aboveMs = reading.meanMs - baseMs;
  const calm = !reading.limited && !reading.refusing;
  if (aboveMs <= 0) {
    // What was learned amid an overload, and never seen outside of one, is no less suspect for having been seen twice.
    const trusted = calm || state.baseSeenAtMs !== neverSeen;
    // A quarter at a time: the lowest of many noisy means is lower than latency ever is.
    return {
      ...state,
      baseDroppedShare,
      baseMs: baseMs + aboveMs / 4,
      baseSeenAtMs: trusted ? nowMs : state.baseSeenAtMs,
    };
  }
  if (reading.inFlight <= options.minLimit) {
    return { ...state, baseDroppedShare, baseMs: baseMs + aboveMs / 8, baseSeenAtMs: nowMs };
  }
  // Slowly, or noise would only ever lower it; in calm times only, or it would follow the latency of an overload.
  return calm ? { ...state, baseDroppedShare, baseMs: baseMs + Math.min(baseMs, aboveMs) / 64 } : state;
}

function cutLimit(
  reading: LatencyReading,
  gradient: number,
  state: GradientLimitState,
  options: GradientLimitOptions,
  nowMs: number,
): GradientLimitState {
  const level = { reading, limit: state.limit };
  let cut = state.cut ?? level;
  if (reading.inFlight <= cut.reading.inFlight * judgedShare) {
    if (isUnmoved(reading, cut.reading)) {
      const { meanMs: baseMs, droppedShare: baseDroppedShare } = reading;
      return { ...state, limit: cut.limit, baseMs, baseDroppedShare, baseSeenAtMs: neverSeen, cut: undefined };
    }
    cut = level;
  }
  const limit = Math.max(options.minLimit, Math.min(state.limit, reading.inFlight * gradient));
  return { ...state, limit, cut, settledAtMs: nowMs + settleMs(reading.meanMs) };
}

function isUnmoved(now: LatencyReading, before: LatencyReading): boolean {
  const dropped = now.droppedShare + sureness * shareError(now);
  return now.meanMs > before.meanMs * unmovedShare && dropped >= before.droppedShare * unmovedShare;
}

/** Standard error of the share of dropped calls. */
function shareError({ droppedShare, calls }: LatencyReading): number {
  return Math.sqrt((droppedShare * (1 - droppedShare)) / calls);
}

function halve(
  reading: LatencyReading,
  state: GradientLimitState,
  options: GradientLimitOptions,
  nowMs: number,
): GradientLimitState {
  return {
    ...state,
    limit: Math.max(options.minLimit, Math.min(state.limit, reading.inFlight) / 2),
    probe: { reading, limit: state.limit },
    settledAtMs: nowMs + settleMs(reading.meanMs),
  };
}

/** Halves as long as latency falls. Where it does not, it is the base, and the step before was not congested by much. */
function probeFurther(
  reading: LatencyReading,
  state: GradientLimitState,
  last: Level,
  options: GradientLimitOptions,
  nowMs: number,
): GradientLimitState {
  if (reading.meanMs <= last.reading.meanMs * unmovedShare && state.limit > options.minLimit) {
    return halve(reading, state, options, nowMs);
  }
  return {
    ...state,
    limit: Math.max(options.minLimit, Math.min(last.limit, last.reading.inFlight)),
    baseMs: Math.min(reading.meanMs, last.reading.meanMs),
    baseSeenAtMs: nowMs,
    probe: undefined,
  };
}

function toleratedMs(baseMs: number, options: GradientLimitOptions): number {
  return baseMs * options.latencyTolerance + options.latencySlackMs;
}

function settleMs(latencyMs: number): number {
  return Math.min(maxSettleMs, 2 * latencyMs);
}

/** Nobody needs the limit now, so nothing says that it is right: back to where it began, by a half each time. */
function relaxed(limit: number, options: GradientLimitOptions): number {
  const calmLimit = initialGradientLimit(options).limit;
  return limit < calmLimit ? Math.min(calmLimit, limit * 1.5) : limit;
}
