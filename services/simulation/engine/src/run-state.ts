/** What the parts of one run share: its clock and events, who is in it, and what is counted. */
import { CallPool } from "./call-pool.ts";
import { Capacity } from "./capacity.ts";
import { ComponentStatistics } from "./component-statistics.ts";
import { EventQueue } from "./event-queue.ts";
import { LatencyRecorder } from "./latency-recorder.ts";
import type { Model } from "./model.ts";
import { RequestTraces } from "./request-traces.ts";
import { hashesSessions } from "./request-traits.ts";
import { RunComponent } from "./run-component.ts";
import { RunLink } from "./run-link.ts";
import { Stations } from "./stations.ts";
import { VisitPool } from "./visit-pool.ts";

export interface RunOptions {
  readonly seed: number;
  readonly lanes: boolean;
  readonly maxRequestsInSystem: number;
  /** Every how manyth request is traced; 0 for none. */
  readonly traceEvery: number;
  /** Spans that are kept at once. */
  readonly maxTracedSpans: number;
}

export class RunState {
  readonly model: Model;
  readonly seed: number;
  readonly queue: EventQueue;
  readonly visits: VisitPool;
  readonly calls = new CallPool();
  readonly statistics: ComponentStatistics;
  /** How long requests stayed that were answered well, and how long those waited that had to. */
  readonly latencies: LatencyRecorder;
  readonly waits: LatencyRecorder;
  readonly stations: Stations;
  readonly capacity: Capacity;
  readonly components: readonly RunComponent[];
  readonly links: readonly RunLink[];
  readonly traces: RequestTraces;
  /** Whether requests differ by more than where they go: in priority, deadline, work, session, or by writing. */
  readonly hasTraits: boolean;
  /** Whether calls may be called off. */
  readonly canCancel: boolean;

  constructor(model: Model, { seed, lanes, maxRequestsInSystem, traceEvery, maxTracedSpans }: RunOptions) {
    this.model = model;
    this.seed = seed;
    this.queue = new EventQueue({ lanes });
    this.visits = new VisitPool(maxRequestsInSystem);
    this.statistics = new ComponentStatistics(model.components.length);
    this.latencies = new LatencyRecorder(model.components.length);
    this.waits = new LatencyRecorder(model.components.length);
    this.stations = new Stations(model, seed);
    this.capacity = new Capacity(this.stations, this.statistics);
    const linkOf = new Map<number, RunLink>();
    this.components = model.components.map((component) => {
      const links = component.links.map((link, position) => {
        const made = new RunLink(link, position, seed, this.queue, this.calls);
        linkOf.set(link.index, made);
        return made;
      });
      return new RunComponent(component, links, seed, this);
    });
    this.links = model.links.map(({ index }) => linkOf.get(index) as RunLink);
    this.traces = new RequestTraces(traceEvery, maxTracedSpans);
    this.canCancel = model.links.some((link) => link.timeoutCancels);
    this.hasTraits = hasTraits(model);
    for (const { index, instances, isClient } of model.components) {
      const first = this.stations.first[index] as number;
      for (let number = 0; number < instances && !isClient; number++) this.capacity.settle(first + number, 0);
    }
  }
}

function hasTraits(model: Model): boolean {
  return (
    hashesSessions(model) ||
    model.workloads.some(({ priority, deadlineMs, writeShare, workFactor }) => {
      return priority > 0 || deadlineMs > 0 || writeShare > 0 || workFactor !== 1;
    })
  );
}
