/*
 * How many calls stay in the caller's own zone. Pure: counts go in, a share comes out.
 *
 * Staying is cheaper and faster, so all do until one of two things happens:
 * - Too few of the zone's instances can be called. Those left would get all of its calls; they get as much as
 *   `overprovisioning` times what they had, and the rest spills over, evenly to everybody. (Envoy's priority levels
 *   spill in the same way, with the same factor.)
 * - They have too many calls in flight. What exceeds the limit spills over, until those elsewhere have as many each.
 * Both are shares, not switches: a switch would move the whole load from one zone to the other and back.
 */

export interface ZoneOptions {
  /** What an instance can take beyond its usual load; 1.4: calls stay while at least 72 % of the zone can be called. */
  readonly overprovisioning: number;
  /**
   * Calls of this process in flight per instance above which they spill over; 100: what one connection carries at once
   * (`callsPerConnection`), so that no pool has to grow for the sake of staying.
   */
  readonly maxLocalInFlight: number;
}

export const zoneDefaults: ZoneOptions = { overprovisioning: 1.4, maxLocalInFlight: 100 };

/** The share that the zone's health allows, 0 to 1. */
export function shareByHealth(available: number, known: number, options: ZoneOptions): number {
  return known === 0 ? 0 : Math.min(1, (available / known) * options.overprovisioning);
}

/** The share that the load allows, 0 to 1: `inFlight` calls over `local` of `all` instances, as many each as may be. */
export function shareByLoad(inFlight: number, local: number, all: number, options: ZoneOptions): number {
  const mayStay = Math.max(options.maxLocalInFlight, inFlight / all) * local;
  return inFlight <= mayStay ? 1 : mayStay / inFlight;
}
