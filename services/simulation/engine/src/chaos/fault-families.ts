import { cacheFlush, configPush } from "./families/caches.ts";
import { retryStorm, stampede, trafficSpike } from "./families/demand.ts";
import { brownOut, capacityLoss, crash, error, pause, slowNode } from "./families/instances.ts";
import { breaker, poolExhaustion, queueBacklog, rateLimit } from "./families/limits.ts";
import { latency, packetLoss, partition } from "./families/network.ts";
import type { FaultFamily } from "./family.ts";
import type { FaultKind } from "./fault.ts";

/** Every kind of fault, in the order of the README's table. */
const faultFamilies: readonly FaultFamily[] = [
  latency,
  error,
  crash,
  partition,
  packetLoss,
  slowNode,
  capacityLoss,
  cacheFlush,
  stampede,
  retryStorm,
  trafficSpike,
  poolExhaustion,
  queueBacklog,
  pause,
  configPush,
  rateLimit,
  breaker,
  brownOut,
] as readonly FaultFamily[];

export const faultKinds: readonly FaultKind[] = faultFamilies.map(({ kind }) => kind);

/** Undefined when there is no such kind. */
export function familyOf(kind: string): FaultFamily | undefined {
  return faultFamilies.find((family) => family.kind === kind);
}
