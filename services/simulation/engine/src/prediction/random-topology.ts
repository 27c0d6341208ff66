/**
 * Architectures drawn at random for training and judging the emulator: a client and 1 to 11 components behind it, in chains,
 * trees and diamonds, with balancers, caches, databases, parallel and sequential calls, slots that are held or not.
 *
 * What matters for latency (how busy the busiest is, how many components, variability, slots, hits, …) comes from an even
 * design (low-discrepancy.ts); the rest is drawn. Work follows from the design and not the other way round: each component gets a
 * share of its capacity to use, and its mean service time is what uses that share. So every station can be the
 * bottleneck, and no run is spent on stations that are idle.
 */
import { analyze } from "../analytic/network.ts";
import type { Architecture, Balancing, Component, Distribution, Link } from "../architecture.ts";
import { compileModel } from "../model.ts";
import { RandomStream } from "../random.ts";
import { lowDiscrepancyPoints } from "./low-discrepancy.ts";

export interface DesignedCase {
  /** With rates such that the busiest component is as busy as designed. */
  readonly architecture: Architecture;
  readonly seed: number;
  readonly index: number;
}

/** How busy the busiest component is, at least and at most. */
const leastBusy = 0.1;
const mostBusy = 0.86;
/** Any rate does: everything is scaled to it. */
const baseRatePerSecond = 100;
/** From here on, calls are not multiplied any further. */
const manyVisits = 3;
/** Components that are visited more rarely are not given more work for it. */
const rareVisits = 0.1;
const settings = ["busy", "size", "cv", "slots", "held", "hits", "instances", "network", "spread", "shape"] as const;
type Setting = (typeof settings)[number];
type Design = Readonly<Record<Setting, number>>;

/** `count` architectures; another seed gives others. */
export function randomTopologies(seed: number, count: number): DesignedCase[] {
  return designsOf(seed, count).map((design, index) => {
    const busy = leastBusy + (mostBusy - leastBusy) * design.busy;
    return { architecture: atUtilization(drawTopology(design, seed, index), busy), seed, index };
  });
}

/** One of these, with a rate that is given: for cases whose answers are on record. */
export function topologyAtRate(seed: number, index: number, ratePerSecond: number): Architecture {
  const drawn = drawTopology(designsOf(seed, index + 1)[index] as Design, seed, index);
  return { ...drawn, workloads: drawn.workloads.map((one) => ({ ...one, ratePerSecond })) };
}

function designsOf(seed: number, count: number): Design[] {
  return lowDiscrepancyPoints(seed, count, settings.length).map(
    (point) => Object.fromEntries(settings.map((name, at) => [name, point[at]])) as unknown as Design,
  );
}

function drawTopology(design: Design, seed: number, index: number): Architecture {
  return draw(design, new RandomStream(seed, `topology/${index}`));
}

type Role = "service" | "load_balancer" | "cache" | "database";

interface Node {
  readonly id: string;
  role: Role;
  readonly calls: { readonly to: number; count: number; readonly weight: number }[];
}

function draw(design: Design, random: RandomStream): Architecture {
  const nodes = drawNodes(design, random);
  const visits = new Float64Array(nodes.length);
  visits[0] = 1;
  const hitRatios = nodes.map(({ role }) =>
    role === "cache" ? Math.min(0.95, Math.max(0, design.hits + 0.3 * (random.uniform() - 0.5))) : 0,
  );
  nodes.forEach((node, index) => {
    const calling = (visits[index] as number) * (1 - (hitRatios[index] as number));
    const total = node.calls.reduce((sum, { weight }) => sum + weight, 0);
    for (const call of node.calls) {
      if (calling > manyVisits) call.count = Math.min(1, call.count);
      const each = node.role === "load_balancer" ? call.weight / total : call.count;
      visits[call.to] = (visits[call.to] as number) + calling * each;
    }
  });
  const links: Link[] = nodes.flatMap((node) =>
    node.calls.map(({ to, count, weight }) => drawLink(node.id, (nodes[to] as Node).id, count, weight, design, random)),
  );
  const components: Component[] = [];
  const noWaitMs = new Float64Array(nodes.length);
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node = nodes[index] as Node;
    const hitRatio = hitRatios[index] as number;
    const behindMs = (1 - hitRatio) * callsMs(node, nodes, links, noWaitMs);
    const made = drawComponent(node, visits[index] as number, behindMs, hitRatio, design, random);
    noWaitMs[index] = made.serviceTime.meanMs + behindMs;
    components.unshift(made);
  }
  const isRegular = random.chance(0.15);
  return {
    components: [client, ...components],
    links: [drawLink("client", (nodes[0] as Node).id, 1, 1, design, random), ...links],
    workloads: [
      {
        id: "requests",
        component: "client",
        kind: isRegular ? "constant" : "poisson",
        ratePerSecond: baseRatePerSecond,
        users: 1,
        thinkTimeMs: 0,
      },
    ],
  };
}

const none: Distribution = { kind: "constant", meanMs: 0, cv: 0 };
const client: Component = {
  id: "client",
  name: "client",
  kind: "client",
  instances: 1,
  concurrency: 1,
  serviceTime: none,
  queueCapacity: 1_000_000,
  errorRatio: 0,
  hitRatio: 0,
  fanOut: "sequential",
  image: "",
};

/** Who calls whom; callers come before callees. */
function drawNodes(design: Design, random: RandomStream): Node[] {
  const count = 1 + Math.floor(design.size * 11);
  const nodes: Node[] = [];
  const link = (from: number, to: number) => {
    const caller = nodes[from] as Node;
    if (caller.calls.some((call) => call.to === to)) return;
    caller.calls.push({ to, count: drawCount(random), weight: 0.2 + random.uniform() });
  };
  for (let index = 0; index < count; index++) {
    nodes.push({ id: `c${index}`, role: "service", calls: [] });
    if (index === 0) continue;
    // From chains over trees to stars.
    const reach = Math.max(1, Math.ceil(design.shape ** 1.5 * index));
    link(index - 1 - random.below(Math.min(reach, index)), index);
    if (index > 2 && random.chance(0.15)) link(random.below(index), index);
  }
  for (const node of nodes) {
    if (node.calls.length === 0) node.role = random.chance(0.6) ? "database" : "service";
    else if (node.calls.length > 1 && random.chance(0.3)) node.role = "load_balancer";
    else if (node.calls.length === 1 && random.chance(0.3)) node.role = "cache";
  }
  // Of two caches in a row the second would hardly be asked.
  for (const { role, calls } of nodes) {
    for (const { to } of calls) {
      const callee = nodes[to] as Node;
      if (role === "cache" && callee.role === "cache") callee.role = "service";
    }
  }
  return nodes;
}

function drawCount(random: RandomStream): number {
  const at = random.uniform();
  return at < 0.72 ? 1 : at < 0.82 ? 2 : at < 0.88 ? 0.5 : at < 0.94 ? 1.5 : 3;
}

/** Time of the calls without any wait, roughly. */
function callsMs(node: Node, nodes: readonly Node[], links: readonly Link[], noWaitMs: Float64Array): number {
  const total = node.calls.reduce((sum, { weight }) => sum + weight, 0);
  return node.calls.reduce((sum, { to, count, weight }) => {
    const link = links.find((one) => one.from === node.id && one.to === nodes[to]?.id);
    const one = (noWaitMs[to] as number) + (link?.latency.meanMs ?? 0);
    return sum + one * (node.role === "load_balancer" ? weight / total : count);
  }, 0);
}

function drawComponent(
  node: Node,
  visits: number,
  behindMs: number,
  hitRatio: number,
  design: Design,
  random: RandomStream,
): Component {
  const { id, role } = node;
  const perSecond = Math.max(visits, rareVisits) * baseRatePerSecond;
  // Of its capacity, when the busiest uses all of its own.
  const used = 1 - random.uniform() * (0.15 + 0.8 * design.spread);
  const instances = role === "database" || random.uniform() > design.instances ? 1 : 2 + random.below(5);
  const own = Math.exp(random.uniform() * (0.7 + 3.4 * design.slots));
  let concurrency = Math.max(1, Math.round(own / instances));
  const balancings: Balancing[] = ["power_of_two", "power_of_two", "least_connections", "random", "round_robin"];
  const balancing = balancings[random.below(balancings.length)] as Balancing;
  const isThin = role === "load_balancer";
  let meanMs = isThin ? 0.05 + 0.3 * random.uniform() : (1000 * used * concurrency * instances) / perSecond;
  const holdsSlot = node.calls.length > 0 && !isThin && random.uniform() < 0.75 * design.held;
  if (holdsSlot) {
    meanMs *= 0.15 + 0.85 * random.uniform();
    // Room for the calls and some of their waits.
    const heldMs = meanMs + behindMs * (1.4 + 1.4 * random.uniform());
    concurrency = Math.max(1, Math.ceil((heldMs * perSecond) / 1000 / used / instances));
  }
  if (isThin) concurrency = Math.max(4, Math.ceil((3 * meanMs * perSecond) / 1000));
  return {
    ...client,
    id,
    name: id,
    kind: role,
    instances,
    concurrency,
    serviceTime: drawDistribution(meanMs, design.cv, random),
    hitRatio,
    fanOut: random.chance(0.45) ? "parallel" : "sequential",
    // Which link of a load balancer gets a request is a matter of their weights.
    ...(isThin ? {} : { balancing }),
    holdsSlot,
  };
}

/** The design sets how variable the architecture is as a whole, up to a cv of 3. */
function drawDistribution(meanMs: number, variability: number, random: RandomStream): Distribution {
  const cv = 3 * variability ** 1.5 * (0.4 + 0.6 * random.uniform());
  const at = random.uniform();
  if (at < 0.25) return { kind: "exponential", meanMs, cv: 1 };
  if (cv < 0.12) return { kind: "constant", meanMs, cv: 0 };
  if (cv < 0.75) return { kind: at < 0.6 ? "erlang" : "gamma", meanMs, cv };
  if (cv > 1.05 && at < 0.5) return { kind: "hyperexponential", meanMs, cv };
  return { kind: at < 0.85 ? "lognormal" : "gamma", meanMs, cv };
}

function drawLink(
  from: string,
  to: string,
  callsPerRequest: number,
  weight: number,
  design: Design,
  random: RandomStream,
): Link {
  const meanMs = design.network * 6 * random.uniform();
  const latency: Distribution = random.chance(0.5)
    ? { kind: "constant", meanMs, cv: 0 }
    : { kind: "lognormal", meanMs, cv: 0.3 + 0.5 * random.uniform() };
  const patience = { timeoutMs: 0, retries: 0, retryBackoffMs: 0, asynchronous: false };
  return { id: `${from}-${to}`, from, to, latency, callsPerRequest, weight, ...patience };
}

/** The same with the rate at which, by theory, the busiest component is about that busy. Held slots make that a search. */
function atUtilization(architecture: Architecture, busy: number): Architecture {
  const at = (load: number) => {
    const { components } = analyze(compileModel(architecture, { load }));
    return Math.max(...components.map(({ offeredLoad }) => offeredLoad.value));
  };
  let low = 0;
  let high = analyze(compileModel(architecture)).maximumLoad.value;
  let load = busy * high;
  for (let step = 0; step < 8; step++) {
    const found = at(load);
    if (Math.abs(found / busy - 1) < 0.02) break;
    if (found < busy) low = load;
    else high = load;
    const proportional = (load * busy) / found;
    load = proportional > low && proportional < high ? proportional : (low + high) / 2;
  }
  const workloads = architecture.workloads.map((one) => ({ ...one, ratePerSecond: one.ratePerSecond * load }));
  return { ...architecture, workloads };
}
