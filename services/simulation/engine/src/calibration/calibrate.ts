/**
 * A model of a running system from what it recorded: traces, and counters if there are any.
 *
 * Everything in the model is either identified, with the evidence, or it is not, with the reason and with what stands in
 * its place. Nothing is guessed in silence: a wrong number that looks measured is worse than a gap. The stand-ins are the ones
 * that add nothing: no timeouts, no retries, room for whoever waits, slots for as many as were ever seen at a time.
 *
 * Where a counter and a trace say the same thing the counter wins for rates, because it counts every request, and the trace
 * for times, unless waiting is mixed into them: then the busy time of the utilization law takes the place of the mean.
 */
import type { Architecture, Component, Link, Workload } from "../architecture.ts";
import { arrivalsFrom } from "./arrivals.ts";
import { componentOf } from "./calibrated-component.ts";
import { linkId, linkOf } from "./calibrated-link.ts";
import { Report } from "./calibration-report.ts";
import { demandsFrom, requestRates } from "./demands.ts";
import { CalibrationError } from "./json.ts";
import { Namer } from "./names.ts";
import type { Metrics } from "./prometheus.ts";
import type { SpanCollector } from "./spans.ts";
import { type ComponentFacts, topologyFrom } from "./topology.ts";
import { visitsFrom } from "./visits.ts";

export interface CalibrationOptions {
  /** Share of traces that were kept, above 0 to 1; 1 when absent. Rates are divided by it. */
  readonly samplingRatio?: number;
  readonly metrics?: readonly Metrics[];
}

export interface Calibration {
  readonly architecture: Architecture;
  readonly identified: readonly { readonly parameter: string; readonly value: string; readonly evidence: string }[];
  readonly notIdentified: readonly { readonly parameter: string; readonly reason: string }[];
  readonly evidence: {
    readonly spans: number;
    readonly traces: number;
    /** From the first start to the last. */
    readonly recordedMs: number;
    readonly visits: number;
    readonly orphanSpans: number;
    readonly refusedSpans: Readonly<Record<string, number>>;
    readonly metricGaps: number;
    readonly metricResets: number;
    readonly refusedSeries: Readonly<Record<string, number>>;
  };
}

/** Throws CalibrationError when there is no span to begin with, or nothing that begins a trace. */
export function calibrate(collector: SpanCollector, options: CalibrationOptions = {}): Calibration {
  const { samplingRatio = 1, metrics = [] } = options;
  const { spans, refused } = collector;
  if (!(samplingRatio > 0 && samplingRatio <= 1)) {
    throw new CalibrationError(`the sampling ratio is ${samplingRatio}; allowed is above 0 to 1`);
  }
  if (spans.length === 0) {
    const reasons = [...refused].map(([reason, count]) => `${count}: ${reason}`).join("; ");
    throw new CalibrationError(`no span can be used${reasons === "" ? "" : `: ${reasons}`}`);
  }
  const names = new Namer();
  const report = new Report();
  const { visits, orphanSpans, spansInCycles, callsToUnknown } = visitsFrom(spans, names);
  const topology = topologyFrom(visits);
  const series = { series: metrics.flatMap((one) => one.series) };
  const demands = new Map(demandsFrom(series).map((demand) => [demand.service, demand]));
  const rates = requestRates(series);
  const context = { samplingRatio, recordedMs: recordedMs(spans), report };

  const components = topology.components.map((facts) =>
    componentOf(facts, demands.get(names.nameOf(facts.id)), names.nameOf(facts.id), context),
  );
  const links = topology.links.map((facts) => linkOf(facts, report));
  const workloads: Workload[] = [];
  for (const facts of topology.components) addEntry(facts);

  function addEntry(facts: ComponentFacts): void {
    if (facts.entries === 0) return;
    const isClient = facts.kind === "client";
    const client = isClient ? facts.id : names.unused(`${facts.id}-clients`);
    if (!isClient) {
      components.push(clientOf(client));
      links.push(entryLink(client, facts.id));
    }
    const starts = facts.visits.filter(({ isEntry }) => isEntry).map(({ startUs }) => startUs / 1000);
    const arrivals = arrivalsFrom(starts, samplingRatio);
    // A counter knows how many requests a service got; that all of them are entries only the traces can say.
    const counted = starts.length === facts.visits.length ? rates.get(names.nameOf(facts.id)) : undefined;
    const ratePerSecond = Math.min(1e6, counted ?? arrivals.workload.ratePerSecond);
    workloads.push({ id: client, component: client, users: 1, thinkTimeMs: 0, ...arrivals.workload, ratePerSecond });
    report.arrivals(client, { ...arrivals, workload: { ...arrivals.workload, ratePerSecond } }, counted !== undefined);
  }

  if (workloads.length === 0) throw new CalibrationError("no trace has a beginning, so nothing drives the model");
  report.topology(topology, { orphanSpans, spansInCycles, callsToUnknown, spans: spans.length });
  report.demands([...demands.values()]);
  if (spansInCycles > 0) refused.set("its causes form a cycle", spansInCycles);
  return {
    architecture: { components, links, workloads },
    identified: report.identified,
    notIdentified: report.notIdentified,
    evidence: {
      spans: spans.length,
      traces: new Set(spans.map(({ traceId }) => traceId)).size,
      recordedMs: context.recordedMs,
      visits: visits.length,
      orphanSpans,
      refusedSpans: Object.fromEntries(refused),
      metricGaps: metrics.reduce((sum, { gaps }) => sum + gaps, 0),
      metricResets: metrics.reduce((sum, { resets }) => sum + resets, 0),
      refusedSeries: Object.fromEntries(metrics.flatMap((one) => [...one.refused])),
    },
  };
}

function recordedMs(spans: SpanCollector["spans"]): number {
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  for (const { startUs } of spans) {
    first = Math.min(first, startUs);
    last = Math.max(last, startUs);
  }
  return (last - first) / 1000;
}

const noTime = { kind: "constant", meanMs: 0, cv: 0 } as const;

function clientOf(id: string): Component {
  return {
    id,
    name: id,
    kind: "client",
    instances: 1,
    concurrency: 1,
    serviceTime: noTime,
    queueCapacity: 1000,
    errorRatio: 0,
    hitRatio: 0,
    fanOut: "sequential",
    image: "",
  };
}

function entryLink(from: string, to: string): Link {
  return {
    id: linkId({ from, to }),
    from,
    to,
    latency: noTime,
    timeoutMs: 0,
    retries: 0,
    retryBackoffMs: 0,
    callsPerRequest: 1,
    weight: 1,
    asynchronous: false,
  };
}
