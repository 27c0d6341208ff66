/**
 * What an architecture does that no training case did. Features cannot show it, because nothing in the training made
 * room for it: a retry storm would look like a quiet day.
 */
import type { Analysis } from "../analytic/network.ts";
import type { Model, ModelComponent, ModelLink } from "../model.ts";

const knownWorkloads = new Set(["poisson", "constant"]);
const unknownBalancings = new Set(["weighted", "consistent_hash"]);
/** Of a load balancer's links: what sends each its share, whatever its load. */
const byWeight = new Set(["weighted", "round_robin"]);
const unknownShapes = new Set(["pareto", "empirical"]);
/** Fewer than this fail or are shed, and nobody notices in a mean or a p99. */
const notableShare = 0.001;

/** In sentences that name the place; empty when there is nothing. */
export function unknownBehaviour(model: Model, analysis: Analysis): string[] {
  const found: string[] = [];
  if (model.workloads.length !== 1) found.push(`${model.workloads.length} workloads; trained on one`);
  for (const { id, kind, workFactor } of model.workloads) {
    if (!knownWorkloads.has(kind)) found.push(`workload "${id}" is ${kind}; trained on poisson and constant`);
    if (workFactor !== 1) found.push(`workload "${id}": its requests take other times, which was not trained on`);
  }
  if (!analysis.throughputPerSecond.valid)
    found.push("its rates are in doubt: time-outs, retries or a load that changes");
  if (analysis.errorRatio.value > notableShare) found.push("requests fail; trained on requests that are answered well");
  for (const component of model.components) found.push(...ofComponent(component, analysis));
  for (const link of model.links) {
    const { id, isAwaited, latency } = link;
    for (const option of linkOptionsOf(link)) found.push(`link "${id}": ${option}, which was not trained on`);
    if (!isAwaited) found.push(`link "${id}": nobody waits for its calls; trained on calls that are awaited`);
    if (unknownShapes.has(latency.kind))
      found.push(`link "${id}": latency is ${latency.kind}, which was not trained on`);
  }
  return found;
}

function ofComponent(component: ModelComponent, analysis: Analysis): string[] {
  const { id, serviceTime, cache, isQueue, discipline, errorRatio } = component;
  const found: string[] = [];
  const say = (what: string) => found.push(`component "${id}": ${what}, which was not trained on`);
  if (unknownShapes.has(serviceTime.kind)) say(`service time is ${serviceTime.kind}`);
  if (cache !== undefined) say("it is a cache of keys");
  if (isQueue) say("it is a queue");
  if (discipline === "lifo") say("it serves last in, first out");
  if (discipline === "priority") say("it serves by priority");
  if (component.cpus > 0) say("its requests share cores");
  if (component.rateLimit !== undefined) say("it has a rate limit");
  if (component.autoscaler !== undefined) say("it has an autoscaler");
  if (component.locks !== undefined) say("its requests lock rows");
  if (component.splitsReads) say("reads and writes go to different instances");
  if (component.dropsExpired) say("it drops what has expired");
  const balancing = component.isBalancer ? component.linkBalancing : component.balancing;
  const isKnown = component.isBalancer ? byWeight.has(balancing) : !unknownBalancings.has(balancing);
  if (!isKnown && (component.isBalancer || component.instances > 1)) say(`requests are balanced by ${balancing}`);
  if (component.choices > 2 && component.instances > 1) say(`requests are balanced among ${component.choices} choices`);
  if (errorRatio > notableShare) say("some of its requests fail");
  const own = analysis.components.find((one) => one.id === id);
  if (own !== undefined && own.shedRatio.value > notableShare) say("it sheds requests");
  return found;
}

function linkOptionsOf(link: ModelLink): string[] {
  const options: string[] = [];
  if (link.breaker !== undefined) options.push("it has a breaker");
  if (link.hedgeAfterMs > 0) options.push("its calls are hedged");
  if (link.maxConnections > 0) options.push("its connections are limited");
  if (link.lossRatio > 0) options.push("it loses messages");
  if (link.bandwidthMbps > 0) options.push("its bandwidth is limited");
  return options;
}
