import type { Random } from "../random.ts";

/**
 * Power of two choices: of two candidates drawn at random the less loaded. Bounds the imbalance between instances
 * without herding all callers onto the one that looked best a moment ago. Undefined without candidates.
 */
export function pickOfTwo<T>(candidates: readonly T[], load: (candidate: T) => number, random: Random): T | undefined {
  const count = candidates.length;
  if (count <= 1) {
    return candidates[0];
  }
  const first = Math.floor(random.next() * count);
  const offset = 1 + Math.floor(random.next() * (count - 1));
  const one = candidates[first] as T;
  const other = candidates[(first + offset) % count] as T;
  return load(other) < load(one) ? other : one;
}
