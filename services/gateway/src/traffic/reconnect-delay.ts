import type { Random } from "@weft/mesh";

/*
 * When a client of a gateway that stops should connect again. All at once they would meet the other gateways as a wave of
 * handshakes, tokens and permission checks; so each is told a moment of its own, spread over as long as the others need.
 */

/** What the other gateways may be sent on top of their work: a handshake and its checks cost about a millisecond. */
const reconnectsPerSecond = 1000;
/** Even a few clients need not come in the same tick. */
const leastSpreadMs = 1000;
/** Nobody is to miss live data for longer; beyond 30 000 connections the wave is steeper instead. */
const mostSpreadMs = 30_000;

/** Milliseconds for one of `connections` clients, evenly spread. */
export function reconnectDelayMs(connections: number, random: Random): number {
  const spreadMs = Math.min(mostSpreadMs, Math.max(leastSpreadMs, (connections * 1000) / reconnectsPerSecond));
  return Math.floor(random.next() * spreadMs);
}
