/**
 * One run of a model: the simulated clock, and everything a caller may ask of it.
 *
 * The run advances in slices of any size; nothing that happens depends on where a slice ends or on how often frames and
 * results are read. A change of load takes effect at the current simulated time, so a run is repeated exactly by the
 * same model, seed and changes at the same times (`Results.loadChanges` has them). Real time is another layer's business:
 * this file has no clock, no timer and no thread, and runs in a browser as well.
 *
 * The warm-up is left out of the results by taking a snapshot when it ends; it does not change the run.
 */
import { ComponentStatistics, type Snapshot, statistic, statisticsPerComponent } from "./component-statistics.ts";
import { EventQueue } from "./event-queue.ts";
import { type Frame, FrameComposer } from "./frame.ts";
import type { Histogram, LatencyBin } from "./histogram.ts";
import { LatencyRecorder, mergeHistograms } from "./latency-recorder.ts";
import type { Model } from "./model.ts";
import { ModelError, type ModelIssue } from "./model-error.ts";
import { obsolete, RequestFlow } from "./request-flow.ts";
import { type LoadChange, type Results, resultsOf } from "./results.ts";
import { TraceHash } from "./trace-hash.ts";
import { WorkloadSources } from "./workload-sources.ts";

const nsPerMs = 1e6;
/** A week; times stay far below 2^53 ns. */
const longestDurationMs = 7 * 24 * 3_600_000;
/** About 200 MB of request state. */
const defaultMaxRequestsInSystem = 2_000_000;

export interface SimulationOptions {
  /** 32 bits; the same seed gives the same run. */
  readonly seed: number;
  /** Simulated time, above 0 to one week. */
  readonly durationMs: number;
  /** Left out of the results at the start; 0 by default, below the duration. */
  readonly warmupMs?: number;
  /** Requests and calls in the system at once, at which the run fails; 2 million by default. */
  readonly maxRequestsInSystem?: number;
  /** Whether constant delays have lanes (event-queue.ts); the run is the same without, and slower. True by default. */
  readonly lanes?: boolean;
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
  readonly #seed: number;
  readonly #durationMs: number;
  readonly #durationNs: number;
  readonly #warmupNs: number;
  readonly #queue: EventQueue;
  readonly #sources: WorkloadSources;
  readonly #statistics: ComponentStatistics;
  readonly #latencies: LatencyRecorder;
  readonly #flow: RequestFlow;
  readonly #frames: FrameComposer;
  readonly #hash = new TraceHash();
  readonly #loadChanges: LoadChange[];
  #measuredFrom: Snapshot;
  #isWarm: boolean;
  #nowNs = 0;
  #events = 0;

  /** Throws ModelError when an option is out of its range. */
  constructor(model: Model, options: SimulationOptions) {
    const { seed, durationMs, warmupMs = 0, maxRequestsInSystem = defaultMaxRequestsInSystem } = options;
    assertSimulationOptions(options);
    this.#model = model;
    this.#seed = seed;
    this.#durationMs = durationMs;
    this.#durationNs = Math.round(durationMs * nsPerMs);
    this.#warmupNs = Math.round(warmupMs * nsPerMs);
    this.#isWarm = this.#warmupNs === 0;
    this.#queue = new EventQueue({ lanes: options.lanes ?? true });
    this.#loadChanges = [{ simulatedMs: 0, load: model.load }];
    this.#statistics = new ComponentStatistics(model.components.length);
    this.#latencies = new LatencyRecorder(model.components.length);
    this.#measuredFrom = this.#statistics.snapshot(0);
    this.#frames = new FrameComposer(model, this.#statistics, this.#latencies);
    this.#sources = new WorkloadSources(model, this.#queue, seed);
    this.#flow = new RequestFlow({
      model,
      seed,
      queue: this.#queue,
      sources: this.#sources,
      statistics: this.#statistics,
      latencies: this.#latencies,
      maxRequestsInSystem,
    });
  }

  get nowMs(): number {
    return this.#nowNs / nsPerMs;
  }

  get done(): boolean {
    return this.#nowNs >= this.#durationNs;
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
    for (let nextNs = this.#queue.nextTimeNs; nextNs <= targetNs; nextNs = this.#queue.nextTimeNs) {
      if (nextNs > this.#nowNs) {
        if (eventsLeft <= 0) return false;
        if (!this.#isWarm && nextNs > this.#warmupNs) this.#endWarmup();
        this.#nowNs = nextNs;
      }
      this.#queue.pop();
      eventsLeft--;
      const kind = this.#queue.kind;
      const component = this.#flow.handle(kind, this.#queue.subject, this.#queue.sequence, nextNs);
      if (component === obsolete) continue;
      this.#events++;
      this.#hash.add(nextNs, kind, component);
    }
    if (!this.#isWarm && targetNs >= this.#warmupNs) this.#endWarmup();
    this.#nowNs = Math.max(this.#nowNs, targetNs);
    return true;
  }

  /** Multiplies every workload by this instead of by what was before, from now on. Throws ModelError on a bad value. */
  setLoad(load: number): void {
    this.#sources.setLoad(load, this.#nowNs);
    this.#loadChanges.push({ simulatedMs: this.nowMs, load });
  }

  /**
   * Empties a cache with keys, every instance of it, now; part of what a run is repeated by, like the load. For any other
   * component this does nothing. Throws RangeError when there is no such component.
   */
  flushCache(id: string): void {
    const component = this.#model.components.find((one) => one.id === id);
    if (component === undefined) throw new RangeError(`the model has no component "${id}"`);
    this.#flow.flushCache(component.index);
  }

  /** What happened since the frame before; the first one since the start. `speed` is passed through. */
  frame(speed = 0): Frame {
    return this.#frames.compose({ nowNs: this.#nowNs, durationMs: this.#durationMs, load: this.load, speed });
  }

  /** What was measured up to now; may be asked at any time. */
  results(): Results {
    return resultsOf({
      model: this.#model,
      from: this.#measuredFrom,
      to: this.#statistics.snapshot(this.#nowNs),
      latencies: this.#latencies.measured(),
      longestQueues: this.#statistics.longestQueue,
      events: this.#events,
      seed: this.#seed,
      loadChanges: [...this.#loadChanges],
      eventTraceHash: this.#hash.hex(),
    });
  }

  /** End-to-end latencies since the warm-up, of the requests that were answered well; mergeable with other runs'. */
  latencyBins(): LatencyBin[] {
    const clients = this.#model.components.filter((component) => component.isClient);
    const measured = this.#latencies.measured();
    return mergeHistograms(clients.map(({ index }) => measured[index] as Histogram)).bins();
  }

  /** Both sides of the laws that must hold exactly at any time: conservation of requests, and Little's law. */
  audit(): Audit[] {
    const { values } = this.#statistics.snapshot(this.#nowNs);
    const visits = this.#flow.visits;
    const present = new Float64Array(this.#model.components.length);
    const presentNs = new Float64Array(this.#model.components.length);
    for (let visit = 0; visit < visits.used; visit++) {
      if (visits.isPresent[visit] === 0) continue;
      const component = visits.component[visit] as number;
      present[component] = (present[component] as number) + 1;
      presentNs[component] = (presentNs[component] as number) + this.#nowNs - (visits.arrivedNs[visit] as number);
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
    this.#measuredFrom = this.#statistics.snapshot(this.#warmupNs);
    this.#statistics.forgetLongestQueues();
    this.#latencies.beginMeasurement();
  }
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
  if (!(maxRequestsInSystem >= 1)) refuse("maxRequestsInSystem", maxRequestsInSystem, "at least 1");
  if (issues.length > 0) throw new ModelError(issues);
}
