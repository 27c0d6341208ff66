/*
 * How much of its share a new or revived instance may take. Pure: an age goes in.
 *
 * A process that has just started has cold caches, no compiled code and no connections of its own; the full load at once
 * would make its first answers slow, and those would then keep callers away. So its share grows with its age, in a
 * straight line, from a tenth: enough to warm up by, little enough to be no burden. (Envoy's default is the same line, with
 * the same tenth.)
 */

/** 10 s: V8 compiles the hot paths of a service in a few seconds of traffic. */
export const slowStartDefaultMs = 10_000;

const firstShare = 0.1;

export function warmthAt(ageMs: number, slowStartMs: number): number {
  return ageMs >= slowStartMs ? 1 : Math.max(firstShare, ageMs / slowStartMs);
}
