/**
 * The rate at which an architecture saturates, from its demands alone: 1 ÷ the largest of visits × work ÷ slots (Denning and
 * Buzen 1978). Worked out from the description, without the analysis that is judged by it. Slots that are held during
 * calls are not in it: they can only make it saturate earlier.
 */
import type { Architecture, Component } from "../src/architecture.ts";

/** For one client without failures; components must be listed callers first, as the generator does. */
export function saturatingRatePerSecond({ components, links }: Architecture): number {
  const visits = new Map<string, number>(components.map(({ id, kind }) => [id, kind === "client" ? 1 : 0]));
  let largestMs = 0;
  for (const component of components) {
    const own = visits.get(component.id) as number;
    const slots = component.instances * component.concurrency;
    if (component.kind !== "client") largestMs = Math.max(largestMs, (own * component.serviceTime.meanMs) / slots);
    const calling = own * (component.kind === "cache" ? 1 - component.hitRatio : 1);
    const outgoing = links.filter(({ from }) => from === component.id);
    const weights = outgoing.reduce((sum, { weight }) => sum + weight, 0);
    for (const { to, weight, callsPerRequest } of outgoing) {
      const each = component.kind === "load_balancer" ? weight / weights : callsPerRequest;
      visits.set(to, (visits.get(to) as number) + calling * each);
    }
  }
  return 1000 / largestMs;
}

export function holdsSlotsForCalls({ components, links }: Architecture): boolean {
  const holds = ({ id, kind, holdsSlot }: Component) =>
    kind !== "client" && holdsSlot !== false && links.some(({ from }) => from === id);
  return components.some(holds);
}
