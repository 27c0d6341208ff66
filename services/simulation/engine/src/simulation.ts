/**
 * One run of a model: the simulated clock, and everything a caller may ask of it.
 *
 * The run advances in slices of any size; nothing that happens depends on where a slice ends or on how often frames and
 * results are read. A change (of load, or any of changes.ts) takes effect at the current simulated time or at the planned
 * one, so a run is repeated exactly by the same model, seed and changes at the same times (`Results.loadChanges` and
 * `Results.changes` have them): a planned change waits until everything else of its moment has happened, as one that is made
 * between two slices does, and neither is an event. Real time is another layer's business:
 * this file has no clock, no timer and no thread, and runs in a browser as well.
 *
 * The warm-up is left out of the results by taking a snapshot when it ends; it does not change the run.
 */
import { ChangeApplier } from "./apply-change.ts";
import { Autoscalers } from "./autoscalers.ts";
import type { Change, PlannedChange } from "./changes.ts";
import { checkChange } from "./check-change.ts";
import { type Snapshot, statistic, statisticsPerComponent } from "./component-statistics.ts";
import { eventKind } from "./event-kinds.ts";
import { type Frame, FrameComposer } from "./frame.ts";
import type { Histogram, LatencyBin } from "./histogram.ts";
import { mergeHistograms } from "./latency-recorder.ts";
import type { Model } from "./model.ts";
import { ModelError, type ModelIssue } from "./model-error.ts";
import { obsolete as obsoleteEvent } from "./outgoing-calls.ts";
import { RequestFlow } from "./request-flow.ts";
import type { Span } from "./request-traces.ts";
import { type LoadChange, type Results, resultsOf } from "./results.ts";
import { RunState } from "./run-state.ts";
import { TraceHash } from "./trace-hash.ts";
import { isPresentIn } from "./visit.ts";
import { WorkloadSources } from "./workload-sources.ts";

/** The compiler knows a file's own constants; those that are imported are read from memory each time. */
const { scale } = eventKind;
const obsolete = obsoleteEvent;

const nsPerMs = 1e6;
/** A week; times stay far below 2^53 ns. */
const longestDurationMs = 7 * 24 * 3_600_000;
/** Up to 500 MB of request state: some 300 bytes for each visit, and as much for its call. */
const defaultMaxRequestsInSystem = 1_000_000;

export interface SimulationOptions {
  /** 32 bits; the same seed gives the same run. */
  readonly seed: number;
  /** Simulated time, above 0 to one week. */
  readonly durationMs: number;
  /** Left out of the results at the start; 0 by default, below the duration. */
  readonly warmupMs?: number;
  /** Requests and calls in the system at once, at which the run fails; 1 million by default. */
  readonly maxRequestsInSystem?: number;
  /** Whether constant delays have lanes (event-queue.ts); the run is the same without, and slower. True by default. */
  readonly lanes?: boolean;
  /** What happens to the system in the run; those of one moment take effect in the order given. */
  readonly changes?: readonly PlannedChange[];
  /** Every how manyth request of a client is traced (`Simulation.tracedRequests`); 0, the default, for none. */
  readonly traceEvery?: number;
  /** Room for spans, of which requests that are followed keep half to themselves; 200 000 by default. */
  readonly maxTracedSpans?: number;
  /**
   * What the quantiles of a frame are taken over, in simulated time: at least so much, at most twice; 0, the default, for the
   * frame's own time. For frames so short that they cover a handful of requests.
   */
  readonly frameLatencyWindowMs?: number;
}

/** Where a run was, and what repeats it up to there; see snapshot.ts. */
export interface SimulationSnapshot {
  readonly options: SimulationOptions;
  /** Changes beside the planned ones, at the moments at which they took effect. */
  readonly appliedByHand: readonly PlannedChange[];
  /** Simulated time, in whole ns. */
  readonly atNs: number;
  readonly events: number;
  readonly eventTraceHash: string;
}

/** A component's books since the start of the run; see `Simulation.audit`. */
export interface Audit {
  readonly component: string;
  readonly arrivals: number;
  readonly completed: number;
  readonly failed: number;
  readonly shed: number;
  readonly inFlight: number;
  /** The integral over time of the number present, and the summed times that requests spent here: equal by Little's law. */
  readonly presentAreaNs: number;
  readonly residenceNs: number;
}

export class Simulation {
  readonly #model: Model;
  readonly #options: SimulationOptions;
  readonly #seed: number;
  readonly #durationMs: number;
  readonly #durationNs: number;
  readonly #warmupNs: number;
  readonly #run: RunState;
  readonly #sources: WorkloadSources;
  readonly #flow: RequestFlow;
  readonly #autoscalers: Autoscalers;
  readonly #applier: ChangeApplier;
  /** In order of time, and how many of them took effect. */
  readonly #planned: readonly PlannedChange[];
  #plannedDone = 0;
  readonly #frames: FrameComposer;
  readonly #hash = new TraceHash();
  readonly #loadChanges: LoadChange[];
  /** All that took effect, and those of them that were not planned. */
  readonly #changes: PlannedChange[] = [];
  readonly #appliedByHand: PlannedChange[] = [];
  #measuredFrom: Snapshot;
  #presentAtLeastFrom: readonly Float64Array[];
  #isWarm: boolean;
  #events = 0;

  /** Throws ModelError when an option is out of its range, or a planned change is impossible. */
  constructor(model: Model, options: SimulationOptions) {
    const { seed, durationMs, warmupMs = 0, maxRequestsInSystem = defaultMaxRequestsInSystem, changes = [] } = options;
    assertSimulationOptions(options);
    assertChanges(changes, model, durationMs);
    this.#model = model;
    this.#options = options;
    this.#seed = seed;
    this.#durationMs = durationMs;
    this.#durationNs = Math.round(durationMs * nsPerMs);
    this.#warmupNs = Math.round(warmupMs * nsPerMs);
    this.#isWarm = this.#warmupNs === 0;
    const { lanes = true, traceEvery = 0, maxTracedSpans = 200_000 } = options;
    this.#run = new RunState(model, { seed, lanes, maxRequestsInSystem, traceEvery, maxTracedSpans });
    this.#loadChanges = [{ simulatedMs: 0, load: model.load }];
    this.#measuredFrom = this.#run.statistics.snapshot(0);
    this.#presentAtLeastFrom = this.#run.statistics.presentAtLeastNs(0);
    this.#frames = new FrameComposer(model, this.#run.statistics, this.#run.latencies, {
      latencyWindowNs: (options.frameLatencyWindowMs ?? 0) * nsPerMs,
    });
    this.#planned = changes.toSorted((a, b) => a.atMs - b.atMs);
    this.#sources = new WorkloadSources(model, this.#run.queue, seed);
    this.#flow = new RequestFlow(this.#run, this.#sources);
    this.#autoscalers = new Autoscalers(this.#run);
    this.#applier = new ChangeApplier(this.#run, this.#flow, this.#sources);
    // What the run begins with is there before anything happens.
    this.#applyPlanned(0);
  }

  get nowMs(): number {
    return this.#run.queue.nowNs / nsPerMs;
  }

  get done(): boolean {
    return this.#run.queue.nowNs >= this.#durationNs;
  }

  get load(): number {
    return (this.#loadChanges.at(-1) as LoadChange).load;
  }

  /**
   * Advances to a simulated time, at most to the end of the run, and answers whether it got there. After `maxEvents` it
   * stops early, but never between two events of the same time: `nowMs` is then a time whose events are all done.
   * Throws TooManyRequestsError when the system overflows; the run is then at its end.
   */
  runUntil(timeMs: number, maxEvents = Number.POSITIVE_INFINITY): boolean {
    const targetNs = Math.min(Math.round(timeMs * nsPerMs), this.#durationNs);
    let eventsLeft = maxEvents;
    for (let nextNs = this.#nextPlannedNs; nextNs <= targetNs; nextNs = this.#nextPlannedNs) {
      eventsLeft = this.#advance(nextNs, eventsLeft);
      if (eventsLeft < 0) return false;
      this.#applyPlanned(nextNs);
    }
    return this.#advance(targetNs, eventsLeft) >= 0;
  }

  /** Lets everything happen up to a time. Answers how many events are left of so many, below 0 when it stopped before. */
  #advance(targetNs: number, maxEvents: number): number {
    const { queue } = this.#run;
    let eventsLeft = maxEvents;
    const isPast = targetNs < queue.nowNs;
    while (!isPast) {
      if (!queue.popAtOnce()) {
        const nextNs = queue.nextTimeNs;
        if (!(nextNs <= targetNs)) break;
        if (nextNs > queue.nowNs) {
          if (eventsLeft <= 0) return -1;
          if (!this.#isWarm && nextNs > this.#warmupNs) this.#endWarmup();
        }
        queue.popLater();
      }
      eventsLeft--;
      const { kind, subject } = queue;
      const component = kind < scale ? this.#flow.handle(kind, subject) : this.#manage();
      if (component === obsolete) continue;
      this.#events++;
      this.#hash.add(queue.nowNs, kind, component);
    }
    if (!this.#isWarm && targetNs >= this.#warmupNs) this.#endWarmup();
    queue.nowNs = Math.max(queue.nowNs, targetNs);
    return Math.max(0, eventsLeft);
  }

  get #nextPlannedNs(): number {
    const next = this.#planned[this.#plannedDone];
    return next === undefined ? Number.POSITIVE_INFINITY : Math.round(next.atMs * nsPerMs);
  }

  /** Those of one moment take effect together. */
  #applyPlanned(atNs: number): void {
    for (; this.#nextPlannedNs <= atNs; this.#plannedDone++) {
      const { change } = this.#planned[this.#plannedDone] as PlannedChange;
      this.#applier.apply(change);
      this.#record(change);
    }
  }

  /** Lets a change happen now. Throws ModelError, changing nothing, when it is impossible. */
  apply(change: Change): void {
    const issues = checkChange(change, this.#model);
    if (issues.length > 0) throw new ModelError(issues);
    this.#applier.apply(change);
    this.#recordByHand(change);
  }

  /** Multiplies every workload by this instead of by what was before, from now on. Throws ModelError on a bad value. */
  setLoad(load: number): void {
    this.#sources.setLoad(load, this.#run.queue.nowNs);
    this.#recordByHand({ kind: "load", load });
  }

  /** What `restoreSimulation` (snapshot.ts) makes this run of again, at this moment; plain data, ready for JSON. */
  snapshot(): SimulationSnapshot {
    return {
      options: this.#options,
      appliedByHand: [...this.#appliedByHand],
      atNs: this.#run.queue.nowNs,
      events: this.#events,
      eventTraceHash: this.#hash.hex(),
    };
  }

  /**
   * Empties a cache with keys, every instance of it, now. For any other component this does nothing. Throws RangeError when
   * there is no such component.
   */
  flushCache(id: string): void {
    const component = this.#model.components.find((one) => one.id === id);
    if (component === undefined) throw new RangeError(`the model has no component "${id}"`);
    if (component.cache !== undefined) this.apply({ kind: "flush", component: id });
  }

  /** What happened since the frame before; the first one since the start. `speed` is passed through. */
  frame(speed = 0): Frame {
    return this.#frames.compose({ nowNs: this.#run.queue.nowNs, durationMs: this.#durationMs, load: this.load, speed });
  }

  /** What was measured up to now; may be asked at any time. */
  results(): Results {
    const { statistics, queue } = this.#run;
    return resultsOf({
      model: this.#model,
      from: this.#measuredFrom,
      to: statistics.snapshot(queue.nowNs),
      presentAtLeastNs: { from: this.#presentAtLeastFrom, to: statistics.presentAtLeastNs(queue.nowNs) },
      latencies: this.#run.latencies.measured(),
      waits: this.#run.waits.measured(),
      longestQueues: this.#run.statistics.longestQueues(),
      events: this.#events,
      seed: this.#seed,
      loadChanges: [...this.#loadChanges],
      changes: [...this.#changes],
      eventTraceHash: this.#hash.hex(),
    });
  }

  /** End-to-end latencies since the warm-up, of the requests that were answered well; mergeable with other runs'. */
  latencyBins(): LatencyBin[] {
    const clients = this.#model.components.filter((component) => component.isClient);
    const measured = this.#run.latencies.measured();
    return mergeHistograms(clients.map(({ index }) => measured[index] as Histogram)).bins();
  }

  /** Requests that were traced since the warm-up and are over, each as its spans with the client's first. */
  tracedRequests(): Span[][] {
    return this.#run.traces.requests();
  }

  /** The same of all that are over since it was last asked, the warm-up's too; they are forgotten. For who draws a run live. */
  takeTracedRequests(): Span[][] {
    return this.#run.traces.take();
  }

  /** Both sides of the laws that must hold exactly at any time: conservation of requests, and Little's law. */
  audit(): Audit[] {
    const { visits, queue } = this.#run;
    const { values } = this.#run.statistics.snapshot(queue.nowNs);
    const present = new Float64Array(this.#model.components.length);
    const presentNs = new Float64Array(this.#model.components.length);
    for (const visit of visits.all) {
      if (!isPresentIn(visit.stage)) continue;
      const component = visit.component.index;
      present[component] = (present[component] as number) + 1;
      presentNs[component] = (presentNs[component] as number) + queue.nowNs - visit.arrivedNs;
    }
    return this.#model.components.map(({ id, index }) => {
      const read = (name: keyof typeof statistic) => values[index * statisticsPerComponent + statistic[name]] as number;
      return {
        component: id,
        arrivals: read("arrivals"),
        completed: read("completed"),
        failed: read("failed"),
        shed: read("shed"),
        inFlight: present[index] as number,
        presentAreaNs: read("presentArea"),
        residenceNs: read("residenceNs") + (presentNs[index] as number),
      };
    });
  }

  #endWarmup(): void {
    this.#isWarm = true;
    this.#measuredFrom = this.#run.statistics.snapshot(this.#warmupNs);
    this.#presentAtLeastFrom = this.#run.statistics.presentAtLeastNs(this.#warmupNs);
    this.#run.statistics.forgetLongestQueues();
    this.#run.latencies.beginMeasurement();
    this.#run.waits.beginMeasurement();
    this.#run.traces.forgetBefore(this.#warmupNs);
  }

  /** Lets one event happen that is nobody's request. Answers what it is about. */
  #manage(): number {
    const { kind, subject } = this.#run.queue;
    return kind === scale ? this.#autoscalers.onScale(subject) : this.#autoscalers.onReady(subject);
  }

  #recordByHand(change: Change): void {
    this.#record(change);
    this.#appliedByHand.push({ atMs: this.nowMs, change });
  }

  #record(change: Change): void {
    if (change.kind === "load") this.#loadChanges.push({ simulatedMs: this.nowMs, load: change.load });
    this.#changes.push({ atMs: this.nowMs, change });
  }
}

function assertChanges(changes: readonly PlannedChange[], model: Model, durationMs: number): void {
  const issues = changes.flatMap(({ atMs, change }) => {
    const found = checkChange(change, model);
    if (!(atMs >= 0 && atMs <= durationMs)) {
      found.push({ field: "atMs", message: `change "${change.kind}": atMs is ${atMs}; allowed is 0 to ${durationMs}` });
    }
    return found;
  });
  if (issues.length > 0) throw new ModelError(issues);
}

/** Throws ModelError, with every issue, when an option is out of its range. */
export function assertSimulationOptions(options: SimulationOptions): void {
  const { seed, durationMs, warmupMs = 0, maxRequestsInSystem = defaultMaxRequestsInSystem } = options;
  const issues: ModelIssue[] = [];
  const refuse = (field: string, value: number, allowed: string) =>
    issues.push({ field, message: `${field} is ${value}; allowed is ${allowed}` });
  if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32))
    refuse("seed", seed, "a whole number from 0 to 4294967295");
  if (!(durationMs > 0 && durationMs <= longestDurationMs)) {
    refuse("durationMs", durationMs, `above 0 and at most ${longestDurationMs}`);
  }
  if (!(warmupMs >= 0 && warmupMs < durationMs))
    refuse("warmupMs", warmupMs, `0 to less than durationMs (${durationMs})`);
  const { traceEvery = 0, frameLatencyWindowMs = 0 } = options;
  if (!(frameLatencyWindowMs >= 0)) refuse("frameLatencyWindowMs", frameLatencyWindowMs, "at least 0");
  if (!(Number.isInteger(traceEvery) && traceEvery >= 0)) refuse("traceEvery", traceEvery, "a whole number from 0");
  if (!(maxRequestsInSystem >= 1)) refuse("maxRequestsInSystem", maxRequestsInSystem, "at least 1");
  if (issues.length > 0) throw new ModelError(issues);
}
