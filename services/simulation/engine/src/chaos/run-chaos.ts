/**
 * One run with faults, and the same run without them.
 *
 * Both have the same seed, so that they see the same arrivals and the same luck up to the first fault, and what differs later is
 * the faults' doing. All changes are planned before the run, so `results.changes` repeats it exactly.
 *
 * An abort rule is watched at every step. When it fires at a moment, the run is made once more, with all faults ended then: up
 * to that moment it is the same run, and it stays one that can be repeated by its changes.
 */
import type { Architecture } from "../architecture.ts";
import type { PlannedChange } from "../changes.ts";
import { compileModel, type Model } from "../model.ts";
import type { Results } from "../results.ts";
import { Simulation } from "../simulation.ts";
import { TooManyRequestsError } from "../visit-pool.ts";
import { type AbortRule, type Fault, faultEndMs, faultName } from "./fault.ts";
import { planFaults } from "./plan-faults.ts";
import {
  type ChaosPoint,
  defaultBand,
  type FaultWindow,
  judgeRun,
  type RecoveryBand,
  type Verdict,
} from "./verdict.ts";

/** Plain data, so that it can be sent between threads. */
export interface ChaosRunOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly warmupMs: number;
  /** Multiplies rates and users. */
  readonly load: number;
  /** Simulated time between looks at the run; `usualStepMs` of the duration when absent. */
  readonly stepMs?: number;
  readonly faults: readonly Fault[];
  readonly band?: RecoveryBand;
  /** Requests in the system at which a run counts as overflowed; the engine's own limit when absent. */
  readonly maxRequestsInSystem?: number;
}

export interface ChaosRun {
  readonly series: readonly ChaosPoint[];
  /** Absent when the run overflowed: more and more requests were in the system, until there was no room for them. */
  readonly results?: Results;
  readonly overflowedAtMs?: number;
}

export interface DisturbedRun extends ChaosRun {
  /** Absent without faults. */
  readonly verdict?: Verdict;
  readonly aborted?: { readonly atMs: number; readonly fault: string; readonly rule: AbortRule };
}

/** Two runs under one seed. */
export interface ChaosOutcome {
  readonly seed: number;
  readonly disturbed: DisturbedRun;
  readonly undisturbed: ChaosRun;
}

/** About 400 steps, of a round length from 50 ms on. */
export function usualStepMs(durationMs: number): number {
  const wanted = Math.max(50, durationMs / 400);
  const power = 10 ** Math.floor(Math.log10(wanted));
  return ([1, 2, 5].find((digit) => digit * power >= wanted) ?? 10) * power;
}

/** Throws ModelError when the architecture, an option or a fault cannot be run. */
export function runChaosPair(architecture: Architecture, options: ChaosRunOptions): ChaosOutcome {
  return {
    seed: options.seed,
    disturbed: runDisturbed(architecture, options),
    undisturbed: runUndisturbed(architecture, options),
  };
}

/** The same run without its faults. Throws ModelError when the architecture or an option cannot be run. */
export function runUndisturbed(architecture: Architecture, options: ChaosRunOptions): ChaosRun {
  return sample(compileModel(architecture, options), options, [], []).run;
}

/** As `runChaosPair`, without the undisturbed run. */
export function runDisturbed(architecture: Architecture, options: ChaosRunOptions): DisturbedRun {
  const { faults, band = defaultBand, durationMs, warmupMs } = options;
  const model = compileModel(architecture, options);
  const plan = planFaults(faults, architecture);
  const within = (changes: readonly PlannedChange[]) => changes.filter(({ atMs }) => atMs <= durationMs);
  const first = sample(model, options, within(plan.changes()), faults);
  const { aborted } = first;
  if (faults.length === 0) return first.run;
  const window = windowOf(faults, warmupMs);
  if (aborted === undefined) return { ...first.run, ...verdictOf(first.run, window, band) };
  const { run } = sample(model, options, within(plan.endedAt(aborted.atMs)), []);
  const toMs = Math.min(window.toMs, aborted.atMs);
  return { ...run, ...verdictOf(run, { ...window, toMs }, band), aborted };
}

/** From the first beginning to the last end. */
export function windowOf(faults: readonly Fault[], warmupMs: number): FaultWindow {
  return {
    warmupMs,
    fromMs: Math.min(...faults.map(({ startMs }) => startMs)),
    toMs: Math.max(...faults.map(faultEndMs)),
  };
}

/** A run that overflows after the faults has not come back, and never would; one that did not get that far is degraded. */
function verdictOf(run: ChaosRun, window: FaultWindow, band: RecoveryBand): { verdict?: Verdict } {
  const { overflowedAtMs, series } = run;
  if (overflowedAtMs === undefined) return { verdict: judgeRun(series, window, band) };
  if (!series.some(({ simulatedMs }) => simulatedMs <= window.fromMs && simulatedMs > window.warmupMs)) return {};
  const { timeToRecoverMs: _, ...judged } = judgeRun(series, window, band);
  return {
    verdict: { ...judged, verdict: overflowedAtMs > window.toMs ? "metastable" : "degraded", isDraining: false },
  };
}

interface Sampled {
  readonly run: ChaosRun;
  readonly aborted?: NonNullable<DisturbedRun["aborted"]>;
}

function sample(
  model: Model,
  { seed, durationMs, warmupMs, stepMs = usualStepMs(durationMs), maxRequestsInSystem }: ChaosRunOptions,
  changes: readonly PlannedChange[],
  watched: readonly Fault[],
): Sampled {
  const limit = maxRequestsInSystem === undefined ? {} : { maxRequestsInSystem };
  const simulation = new Simulation(model, { seed, durationMs, warmupMs, changes, ...limit });
  const watches = watched.flatMap((fault) => (fault.abort === undefined ? [] : [new AbortWatch(fault, fault.abort)]));
  const series: ChaosPoint[] = [];
  const steps = Math.ceil(durationMs / stepMs);
  try {
    for (let step = 1; step <= steps; step++) {
      simulation.runUntil(Math.min(step * stepMs, durationMs));
      const point = look(simulation, model);
      series.push(point);
      const fired = watches.find((watch) => watch.fires(point));
      if (fired !== undefined) {
        const aborted = { atMs: point.simulatedMs, fault: faultName(fired.fault), rule: fired.rule };
        return { run: { series }, aborted };
      }
    }
  } catch (error) {
    if (!(error instanceof TooManyRequestsError)) throw error;
    return { run: { series, overflowedAtMs: simulation.nowMs } };
  }
  return { run: { series, results: simulation.results() } };
}

function look(simulation: Simulation, model: Model): ChaosPoint {
  const { simulatedMs, total, components } = simulation.frame();
  const { requestsPerSecond, failuresPerSecond, p50Ms, p95Ms, p99Ms, inFlight } = total;
  let backlog = 0;
  for (const { isClient, index } of model.components) backlog += isClient ? 0 : (components[index]?.inFlight ?? 0);
  return { simulatedMs, requestsPerSecond, failuresPerSecond, p50Ms, p95Ms, p99Ms, inFlight, backlog };
}

/** Counts for how long a rule has been broken, while its fault lasts. */
class AbortWatch {
  readonly fault: Fault;
  readonly rule: AbortRule;
  #fineUntilMs = 0;

  constructor(fault: Fault, rule: AbortRule) {
    this.fault = fault;
    this.rule = rule;
  }

  fires(point: ChaosPoint): boolean {
    const { simulatedMs } = point;
    if (figureOf(point, this.rule) <= this.rule.above || simulatedMs <= this.fault.startMs) {
      this.#fineUntilMs = simulatedMs;
      return false;
    }
    return simulatedMs - this.#fineUntilMs >= this.rule.forMs && simulatedMs < faultEndMs(this.fault);
  }
}

/** A step in which nothing was answered well has no latency, and says nothing against it. */
function figureOf(
  { requestsPerSecond, failuresPerSecond, p50Ms, p99Ms, inFlight }: ChaosPoint,
  { figure }: AbortRule,
): number {
  if (figure === "inFlight") return inFlight;
  if (figure === "errors") return requestsPerSecond > 0 ? failuresPerSecond / requestsPerSecond : 0;
  return figure === "p50" ? p50Ms : p99Ms;
}
