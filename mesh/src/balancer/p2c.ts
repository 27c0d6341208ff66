import type { Random } from "../random.ts";

/** What can be chosen: how loaded it is, and how much of its share it may take yet (slow-start.ts). */
export interface Choice {
  load(nowMs: number): number;
  /** Above 0, at most 1. */
  warmth(nowMs: number): number;
}

/**
 * Power of two choices: of two candidates drawn at random the less loaded. Bounds the imbalance between instances
 * without herding all callers onto the one that looked best a moment ago. Undefined without candidates.
 *
 * One that is warming up gives its turn away with a chance that shrinks as it warms. The other's warmth is the measure:
 * when all are new none has to wait, and the calls are spread as among the old.
 */
export function pickOfTwo<T extends Choice>(
  candidates: readonly T[],
  nowMs: number,
  random: Pick<Random, "next">,
): T | undefined {
  const count = candidates.length;
  if (count <= 1) {
    return candidates[0];
  }
  // One draw serves both choices: its whole part the first, what is left of it the second.
  const draw = random.next() * count;
  const first = Math.floor(draw);
  const second = (first + 1 + Math.floor((draw - first) * (count - 1))) % count;
  const one = candidates[first] as T;
  const two = candidates[second] as T;
  const winner = two.load(nowMs) < one.load(nowMs) ? two : one;
  const warmth = winner.warmth(nowMs);
  if (warmth < 1) {
    const loser = winner === one ? two : one;
    const others = loser.warmth(nowMs);
    if (warmth < others && random.next() * others >= warmth) {
      return loser;
    }
  }
  return winner;
}
