/**
 * How far a run should be by now, and when to look again: simulated time against wall time.
 *
 * A pace is a line through an anchor: this simulated time belongs to that wall time, and from there one advances `speed`
 * times as fast as the other. Pausing and falling behind move the anchor. A run that cannot keep up is allowed to owe
 * at most `longestDebtMs` of wall time; the rest is forgiven, so that after a heavy stretch it goes on at its speed
 * instead of racing. That it was slower is not hidden: frames carry the speed achieved.
 */
export interface Pace {
  /** Simulated time per wall time; 0 is as fast as possible. */
  readonly speed: number;
  readonly anchorWallMs: number;
  readonly anchorSimulatedMs: number;
}

export interface SlicePlan {
  /** The pace from now on; another one when a debt was forgiven. */
  readonly pace: Pace;
  /** Simulate up to here. */
  readonly targetMs: number;
}

const longestDebtMs = 250;

/** A run that is at `simulatedMs` at this moment and goes on at `speed`. */
export function startPace(speed: number, nowWallMs: number, simulatedMs: number): Pace {
  return { speed, anchorWallMs: nowWallMs, anchorSimulatedMs: simulatedMs };
}

/** What a run that is at `simulatedMs` has to reach at this moment; Infinity when it goes as fast as possible. */
export function planSlice(pace: Pace, nowWallMs: number, simulatedMs: number): SlicePlan {
  if (pace.speed === 0) return { pace, targetMs: Number.POSITIVE_INFINITY };
  const dueMs = pace.anchorSimulatedMs + (nowWallMs - pace.anchorWallMs) * pace.speed;
  const mostDueMs = simulatedMs + longestDebtMs * pace.speed;
  if (dueMs <= mostDueMs) return { pace, targetMs: dueMs };
  return { pace: startPace(pace.speed, nowWallMs, mostDueMs), targetMs: mostDueMs };
}

/** When the frame after the one that was due at `dueWallMs` is due: on the grid, or anew when the grid was missed. */
export function nextFrameDueMs(dueWallMs: number, nowWallMs: number, intervalMs: number): number {
  const onGrid = dueWallMs + intervalMs;
  return onGrid > nowWallMs ? onGrid : nowWallMs + intervalMs;
}

/** Simulated per wall time between two moments; 0 when no wall time passed. */
export function achievedSpeed(simulatedMs: number, wallMs: number): number {
  return wallMs <= 0 ? 0 : simulatedMs / wallMs;
}
