/**
 * What the operational laws say about runs of a model (Denning and Buzen 1978): they hold for any distribution.
 *
 * - Demand D: how long one end-to-end request holds slots of a component in all, measured as busy time ÷ requests answered.
 *   It has two parts, own work and waiting for calls with the slot in hand.
 * - U = X · S: the utilization by own work must be the rate of visits times the mean work that the model states. This checks
 *   the run against the model, so an outlier says that the run was too short or the component does something else.
 *   Where slots share cores, it is the time of the cores that is measured: sharing makes work longer, and not more.
 * - Bounds: X ≤ slots ÷ D at every component (where it sheds, D is scaled up to what it would be if it did not), and X ≤ what arrives: the rates of open workloads, and users ÷ (think time +
 *   the response without any wait) of closed ones. Held times grow with the load and do not shrink, so slots ÷ D at today's
 *   load is a bound from above. Shared cores are a second bound of their component, cores ÷ own work.
 *
 * A caller that holds its slot while it waits for a full callee is as full as it is. Of components whose bounds lie within
 * 2 % of each other, the last in the order of calls is therefore the one that limits.
 */
import { sharesCores } from "../analytic/shared-cores.ts";
import { type Mix, mixesOf } from "../analytic/work-mix.ts";
import { momentsOf } from "../distribution-moments.ts";
import type { Model, ModelComponent, ModelWorkload } from "../model.ts";
import type { ComponentResults, Results } from "../results.ts";
import { meanInterval } from "../statistics/interval.ts";
import { expectedArrivals } from "../workloads/expected-arrivals.ts";
import { unloadedRequest, withHitRatios } from "./unloaded.ts";
import { coresOf, number, percent, slotsOf } from "./wording.ts";

const sameBound = 0.02;
/** Beside chance: what lies at the two ends of a run. */
const checkTolerance = 0.02;
/** There are many components, and none of them should be called wrong by chance. */
const checkConfidence = 0.999;

export interface UtilizationCheck {
  /** Of the slots (or the cores that they share), for own work: as simulated, and X · S ÷ slots. */
  readonly simulated: number;
  readonly expected: number;
  /** Within 2 %, or within what chance does between the replications. */
  readonly agrees: boolean;
}

export interface ComponentDemand {
  readonly component: string;
  readonly name: string;
  /** With an autoscaler as many as it may make. */
  readonly slots: number;
  readonly visitsPerRequest: number;
  /** Per end-to-end request that was answered, well or badly: slots held, and the part of it that is own work. */
  readonly demandMs: number;
  readonly workDemandMs: number;
  /** Of the slots, or of the shared cores where these are busier. */
  readonly utilization: number;
  /** Slots ÷ demand, end-to-end requests per second, with nothing shed; absent when no slot was ever held. */
  readonly maximumRatePerSecond?: number;
  readonly check: UtilizationCheck;
  readonly message: string;
}

export interface ClosedBound {
  readonly workload: string;
  readonly users: number;
  readonly thinkTimeMs: number;
  /** Without any wait. */
  readonly responseMs: number;
  readonly maximumRatePerSecond: number;
  /** N*: with more users somebody must wait; absent when no slot was ever held. */
  readonly saturationUsers?: number;
}

export interface OperationalLaws {
  /** End-to-end requests answered, well or badly. */
  readonly ratePerSecond: number;
  /** What open workloads send, as a mean over the time measured. */
  readonly openPerSecond: number;
  readonly closed: readonly ClosedBound[];
  /** All but the clients, in the order of the model. */
  readonly components: readonly ComponentDemand[];
  /** min(what arrives, slots ÷ demand of every component). */
  readonly maximumRatePerSecond: number;
  /** The component with the lowest bound, and that bound ÷ what comes or is answered; absent when no slot was ever held. */
  readonly limitingComponent?: string;
  readonly headroom?: number;
}

/** `runs` are replications of this model; throws RangeError when there is none. Pure. */
export function operationalLawsOf(model: Model, runs: readonly Results[]): OperationalLaws {
  if (runs.length === 0) throw new RangeError("operational laws need at least one run; none given");
  const seconds = runs.reduce((sum, run) => sum + secondsOf(run), 0);
  const answered = runs.reduce((sum, { completed, failed }) => sum + completed + failed, 0);
  const ratePerSecond = answered / seconds;
  const mixes = mixesOf(
    model,
    model.workloads.map(({ kind, ratePerSecond, users }) => model.load * (kind === "closed" ? users : ratePerSecond)),
  );
  const components = model.components
    .filter(({ isClient }) => !isClient)
    .map((component) => demandOf(component, runs, { answered, seconds, mix: mixes[component.index] as Mix }));
  const openPerSecond = meanOf(
    runs.map((run) => model.workloads.reduce((sum, workload) => sum + openRate(workload, model.load, run), 0)),
  );
  const limit = limitOf(model, components);
  const closed = closedBounds(model, limit?.maximumRatePerSecond);
  const arriving = closed.reduce((sum, { maximumRatePerSecond }) => sum + maximumRatePerSecond, openPerSecond);
  const laws = { ratePerSecond, openPerSecond, closed, components };
  if (limit?.maximumRatePerSecond === undefined) return { ...laws, maximumRatePerSecond: arriving };
  return {
    ...laws,
    maximumRatePerSecond: Math.min(arriving, limit.maximumRatePerSecond),
    limitingComponent: limit.component,
    headroom: limit.maximumRatePerSecond / Math.max(ratePerSecond, openPerSecond),
  };
}

function demandOf(
  component: ModelComponent,
  runs: readonly Results[],
  { answered, seconds, mix }: { readonly answered: number; readonly seconds: number; readonly mix: Mix },
): ComponentDemand {
  const { id, name, index, maxInstances, concurrency, cpus } = component;
  const isShared = sharesCores(component);
  const slots = maxInstances * concurrency;
  const own = runs.map((run) => ({ ...(run.components[index] as ComponentResults), seconds: secondsOf(run) }));
  const sumOf = (read: (run: ComponentResults) => number) => own.reduce((sum, run) => sum + read(run) * run.seconds, 0);
  const heldSeconds = concurrency * sumOf((run) => run.utilization * run.instancesMean);
  const workedSeconds = isShared
    ? cpus * sumOf((run) => run.coreUtilization * run.instancesMean)
    : concurrency * sumOf((run) => run.workUtilization * run.instancesMean);
  const visits = own.reduce((sum, run) => sum + run.completed + run.failed, 0);
  const perRequest = (amount: number) => (answered === 0 ? 0 : amount / answered);
  const demandMs = perRequest(1000 * heldSeconds);
  const workDemandMs = perRequest(1000 * workedSeconds);
  const check = checkUtilization(component, own, mix);
  const demand = {
    component: id,
    name,
    slots,
    visitsPerRequest: perRequest(visits),
    demandMs,
    workDemandMs,
    utilization:
      Math.max(
        sumOf((run) => run.utilization),
        sumOf((run) => run.coreUtilization),
      ) / seconds,
    check,
  };
  const law = `U = X·S gives ${percent(check.expected)} of own work, simulated ${percent(check.simulated)}`;
  if (demandMs === 0) return { ...demand, message: `${name}: no slot held in ${number(seconds)} s; ${law}` };
  const shed = own.reduce((sum, run) => sum + run.shed, 0);
  const admittedShare = visits + shed === 0 ? 1 : visits / (visits + shed);
  const coresPerSecond = isShared && workDemandMs > 0 ? (1000 * maxInstances * cpus) / workDemandMs : Infinity;
  const maximumRatePerSecond = Math.min((1000 * slots) / demandMs, coresPerSecond) * admittedShare;
  const most = { instances: maxInstances, concurrency, cpus };
  const work = isShared
    ? `of which ${coresOf(most)} work ${number(workDemandMs)} ms`
    : `${number(workDemandMs)} ms own work`;
  const message =
    `${name}: a request holds ${slotsOf(most)} for ${number(demandMs)} ms (${work}), ` +
    `so at most ${number(maximumRatePerSecond)} requests/s pass; ${law}`;
  return { ...demand, maximumRatePerSecond, message };
}

/** Whoever worked in the period was answered in it or is still present, so X lies between the two rates. */
function checkUtilization(
  component: ModelComponent,
  runs: readonly (ComponentResults & { readonly seconds: number })[],
  mix: Mix,
): UtilizationCheck {
  const isShared = sharesCores(component);
  const workers = isShared ? component.cpus : component.concurrency;
  const workMs = momentsOf(component.serviceTime).meanMs * mix.factor;
  const use = (run: ComponentResults) => (isShared ? run.coreUtilization : run.workUtilization);
  const perVisit = ({ seconds, instancesMean }: (typeof runs)[number]) =>
    instancesMean === 0 ? 0 : workMs / 1000 / (workers * instancesMean * seconds);
  const simulated = meanOf(runs.map(use));
  const expected = meanOf(runs.map((run) => worked(run) * perVisit(run)));
  const gaps = runs.map((run) => {
    const least = worked(run) * perVisit(run);
    // What was called off did part of its work, and what is present part of it or more.
    const most = least + (run.inFlight + run.cancelled) * perVisit(run);
    return use(run) - Math.min(most, Math.max(least, use(run)));
  });
  const gap = meanInterval(gaps, checkConfidence);
  const isSmall = Math.abs(gap.value) <= checkTolerance * Math.max(simulated, expected);
  return { simulated, expected, agrees: isSmall || (gap.low <= 0 && gap.high >= 0) };
}

/** Visits whose work is done; what had expired or was called off has done none, or part of it. */
function worked({ completed, failed, expired, cancelled }: ComponentResults): number {
  return Math.max(0, completed + failed - expired - cancelled);
}

function limitOf(model: Model, components: readonly ComponentDemand[]): ComponentDemand | undefined {
  const lowest = components.reduce(
    (least, { maximumRatePerSecond = Number.POSITIVE_INFINITY }) => Math.min(least, maximumRatePerSecond),
    Number.POSITIVE_INFINITY,
  );
  const ids = model.callOrder.map((index) => model.components[index]?.id);
  return components
    .filter(({ maximumRatePerSecond }) => (maximumRatePerSecond ?? Infinity) <= lowest * (1 + sameBound))
    .filter(({ maximumRatePerSecond }) => maximumRatePerSecond !== undefined)
    .reduce<ComponentDemand | undefined>(
      (last, one) => (last === undefined || ids.indexOf(one.component) > ids.indexOf(last.component) ? one : last),
      undefined,
    );
}

function closedBounds(model: Model, componentsPerSecond: number | undefined): ClosedBound[] {
  const closed = model.workloads.filter(({ kind }) => kind === "closed");
  if (closed.length === 0) return [];
  const warm = withHitRatios(model);
  return closed.map((workload) => {
    const users = Math.round(workload.users * model.load);
    const { responseMs } = unloadedRequest(warm, workload);
    const roundMs = Math.max(shortestRoundMs, workload.thinkTimeMs + responseMs);
    const bound = {
      workload: workload.id,
      users,
      thinkTimeMs: workload.thinkTimeMs,
      responseMs,
      maximumRatePerSecond: (1000 * users) / roundMs,
    };
    if (componentsPerSecond === undefined) return bound;
    return { ...bound, saturationUsers: (componentsPerSecond * roundMs) / 1000 };
  });
}

/** The engine's pause after an answer that took no time. */
const shortestRoundMs = 1;

function openRate(workload: ModelWorkload, load: number, { warmupMs, simulatedMs }: Results): number {
  if (workload.kind === "closed") return 0;
  const arrivals = expectedArrivals(workload, load, simulatedMs) - expectedArrivals(workload, load, warmupMs);
  return (1000 * arrivals) / (simulatedMs - warmupMs);
}

function secondsOf({ simulatedMs, warmupMs }: Results): number {
  return (simulatedMs - warmupMs) / 1000;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
