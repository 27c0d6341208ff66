/** Which components a client waits for: only what happens there is part of the time that requests take. */
import type { Model } from "./model.ts";

/** Indices of the components that are reached from a client through awaited links alone. */
export function awaitedComponents({ components, callOrder }: Model): ReadonlySet<number> {
  const awaited = new Set<number>();
  // Callers come before callees, so one pass reaches everything.
  for (const index of callOrder) {
    const component = components[index];
    if (component === undefined || !(component.isClient || awaited.has(index))) continue;
    for (const link of component.links) if (link.isAwaited) awaited.add(link.to);
  }
  return awaited;
}
