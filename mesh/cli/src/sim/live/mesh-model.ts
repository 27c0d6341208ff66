import type { Architecture, Component, Distribution, Link, Workload } from "@weft/simulator";
import type { ObservedService } from "./observe-mesh.ts";

/*
 * A model of a mesh, from what its own metrics say.
 *
 * A service is an event loop: any number of requests at once, on one core per instance, no slot held while it waits for
 * others. What it does itself for a call is the duration of the call less the calls it made; of that it computes as
 * long as its processor time says, and for the rest it waits for what has no metrics here (a database, a timer), which
 * stands beside it as an external component. Network time is what a caller measured more than its callee.
 */

export interface MeshModel {
  readonly architecture: Architecture;
  /** What had to be assumed, in sentences. */
  readonly assumptions: readonly string[];
}

const outside = "outside";
/** Of a service's calls: less than this from outside the mesh is the scrapes not being made at the same moment. */
const leastOutsideShare = 0.02;
/** Of what a service does itself: less than this is no component of its own. */
const leastWaitMs = 0.01;

/** Calls arrive as in `rates`, work takes as long as in `times`; both of the same mesh, perhaps of different moments. */
export function modelOfMesh(times: readonly ObservedService[], rates: readonly ObservedService[]): MeshModel {
  const assumptions = new Set<string>([
    "calls from outside arrive at random (Poisson): counters do not show how they come",
    "instances have a core each: how processes share the machine's cores is not in their metrics",
  ]);
  const services = times.filter(({ callsPerSecond }) => callsPerSecond > 0);
  const known = new Map(services.map((service) => [service.name, service]));
  const components: Component[] = [];
  const links: Link[] = [];
  const workloads: Workload[] = [];
  for (const service of services) {
    const { ownMs, overlaps } = ownTime(service);
    if (overlaps)
      assumptions.add(
        `${service.name} makes calls at the same time, or for nobody: its own time is not known and taken as none`,
      );
    const cpuMs = Math.min(ownMs, service.cpuMsPerCall);
    const waitMs = ownMs - cpuMs;
    components.push(
      station(service.name, "service", service.instances, exponential(cpuMs), { cpus: 1, holdsSlot: false }),
    );
    if (waitMs >= leastWaitMs) {
      const id = `${service.name}.waits`;
      components.push(station(id, "external", 1, waitDistribution(service, waitMs), {}));
      links.push(call(service.name, id, 1, 0));
      if (service.peers.length > 0) {
        assumptions.add(
          `${service.name} waits ${round(waitMs)} ms a call for what has no metrics, exponentially distributed`,
        );
      }
    }
    for (const peer of service.peers) {
      const callee = known.get(peer.name);
      if (callee === undefined) continue;
      const networkMs = Math.max(0, peer.meanMs - callee.meanMs);
      links.push(call(service.name, peer.name, peer.callsPerSecond / service.callsPerSecond, networkMs));
    }
  }
  for (const { name, callsPerSecond } of rates) {
    if (!known.has(name)) continue;
    const inside = rates.flatMap(({ peers }) => peers).filter((peer) => peer.name === name);
    const fromOutside = callsPerSecond - inside.reduce((sum, peer) => sum + peer.callsPerSecond, 0);
    if (fromOutside <= leastOutsideShare * callsPerSecond) continue;
    links.push(call(`${outside}.${name}`, name, 1, 0));
    components.push(station(`${outside}.${name}`, "client", 1, exponential(0), {}));
    workloads.push(poisson(`${outside}.${name}`, fromOutside));
  }
  return { architecture: { components, links, workloads }, assumptions: [...assumptions] };
}

function ownTime({ meanMs, callsPerSecond, peers }: ObservedService): { ownMs: number; overlaps: boolean } {
  const elsewhereMs = peers.reduce((sum, peer) => sum + (peer.callsPerSecond / callsPerSecond) * peer.meanMs, 0);
  return { ownMs: Math.max(0, meanMs - elsewhereMs), overlaps: elsewhereMs > meanMs };
}

/** A service that calls nobody shows the shape of its own time in its buckets; of others only the mean is known. */
function waitDistribution({ peers, buckets }: ObservedService, meanMs: number): Distribution {
  const points = peers.length > 0 ? [] : pointsOf(buckets);
  const known = points.reduce((sum, { weight }) => sum + weight, 0);
  if (known === 0) return exponential(meanMs);
  let shapeMs = 0;
  let lowerMs = 0;
  for (const { upToMs, weight } of points) {
    shapeMs += ((lowerMs + upToMs) / 2) * (weight / known);
    lowerMs = upToMs;
  }
  // Bins know durations only so well; the mean is known exactly, and the shape is stretched to it.
  const stretched = points.map(({ upToMs, weight }) => ({ upToMs: (upToMs * meanMs) / shapeMs, weight }));
  return { kind: "empirical", meanMs, cv: 1, points: stretched };
}

function pointsOf(buckets: ObservedService["buckets"]) {
  let below = 0;
  const points: { upToMs: number; weight: number }[] = [];
  for (const { bound, count } of buckets) {
    const last = points.at(-1)?.upToMs ?? 1;
    // What exceeds the last bound is taken to be less than twice that.
    points.push({ upToMs: bound === Infinity ? 2 * last : bound * 1000, weight: count - below });
    below = count;
  }
  return points;
}

function exponential(meanMs: number): Distribution {
  return { kind: "exponential", meanMs, cv: 1 };
}

function station(
  id: string,
  kind: Component["kind"],
  instances: number,
  serviceTime: Distribution,
  options: Pick<Component, "cpus" | "holdsSlot">,
): Component {
  const plenty = { concurrency: 10_000, queueCapacity: 1_000_000 };
  const none = { errorRatio: 0, hitRatio: 0, fanOut: "sequential", image: "" } as const;
  return { id, name: id, kind, instances, serviceTime, ...plenty, ...none, ...options };
}

function call(from: string, to: string, callsPerRequest: number, networkMs: number): Link {
  const latency: Distribution = { kind: "constant", meanMs: networkMs, cv: 0 };
  const patience = { timeoutMs: 0, retries: 0, retryBackoffMs: 0 };
  return { id: `${from}-${to}`, from, to, latency, ...patience, callsPerRequest, weight: 1, asynchronous: false };
}

function poisson(client: string, ratePerSecond: number): Workload {
  return { id: client, component: client, kind: "poisson", ratePerSecond, users: 1, thinkTimeMs: 0 };
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
