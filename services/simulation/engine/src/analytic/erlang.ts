/**
 * Erlang's two formulas (A. K. Erlang, 1917), for any number of slots.
 *
 * Both come from the recursion B(k) = aB(k-1) / (k + aB(k-1)), which only adds and divides numbers between 0 and 1: no
 * factorial, no power, so 10 000 slots are as exact as one. `offeredLoad` is arrivals × mean service time, in slots.
 */

/** The share of requests that find every slot taken, where nobody waits (M/G/c/c; any service time). */
export function erlangB(slots: number, offeredLoad: number): number {
  let blocked = 1;
  for (let slot = 1; slot <= slots; slot++) blocked = (offeredLoad * blocked) / (slot + offeredLoad * blocked);
  return blocked;
}

/** The share of requests that wait, where everybody does (M/M/c); 1 without spare capacity. */
export function erlangC(slots: number, offeredLoad: number): number {
  if (offeredLoad >= slots) return 1;
  const blocked = erlangB(slots, offeredLoad);
  return blocked / (1 - (offeredLoad / slots) * (1 - blocked));
}
