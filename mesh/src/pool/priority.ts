/**
 * Who goes first when a process may open no more connections (POOL-07). The order is data: a list of peer names in which
 * "*" stands for everyone who is not named. This one is the default; a deployment with other services gives its own.
 */
const defaultPriorityOrder: readonly string[] = [
  "auth-service",
  "project-service",
  "simulation-service",
  "*",
  "gateway-service",
];

/** A peer's place in the order, from 0, which goes first. Whoever is not in the list stands at "*", or else at its end. */
export function priorityOf(peerName: string, order: readonly string[] = defaultPriorityOrder): number {
  const named = order.indexOf(peerName);
  const others = order.indexOf("*");
  if (named >= 0) {
    return named;
  }
  return others >= 0 ? others : order.length;
}
