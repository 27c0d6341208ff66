/**
 * Busy time per request from utilization and throughput, by the utilization law: in each window the slots that are busy are
 * Σ (throughput of a class × its demand) + what is busy without requests. Non-negative least squares over many windows solves
 * for the demands (least-squares.ts).
 *
 * A demand counts as identified when its standard error is below a tenth of it. Otherwise the reason is said: classes that
 * are always asked for in the same proportion, a load that never varies or never matters, or noise.
 */
import { nonNegativeLeastSquares } from "./least-squares.ts";
import type { MetricSeries, Metrics } from "./prometheus.ts";

export interface ClassDemand {
  readonly requestClass: string;
  readonly demandMs: number;
  readonly standardErrorMs: number;
  /** Why it cannot be trusted; undefined when it can. */
  readonly unclear: string | undefined;
}

export interface ServiceDemand {
  readonly service: string;
  /** utilization: per slot, since how many slots it is a share of is not in it. */
  readonly source: "busy" | "utilization";
  readonly windows: number;
  readonly ratePerSecond: number;
  /** Over all classes as they were asked for. */
  readonly meanMs: number;
  /** Of the mean; undefined when it can be trusted. */
  readonly unclear: string | undefined;
  readonly classes: readonly ClassDemand[];
  /** Busy slots without requests; undefined when it cannot be told from the work of requests. */
  readonly backgroundSlots: number | undefined;
  readonly explained: number;
}

const leastWindows = 10;
const leastTolerance = 0.01;
const idleBelow = 0.05;

/** Of every service that has requests and either busy seconds or a utilization. */
export function demandsFrom({ series }: Pick<Metrics, "series">): ServiceDemand[] {
  const demands: ServiceDemand[] = [];
  for (const [service, own] of Map.groupBy(series, (one) => one.service)) {
    const ofRole = (role: MetricSeries["role"]) => own.filter((one) => one.role === role);
    const source = ofRole("busy").length > 0 ? "busy" : "utilization";
    const used = ofRole(source);
    const classes = Map.groupBy(ofRole("requests"), ({ requestClass }) => requestClass);
    if (used.length === 0 || classes.size === 0) continue;
    const busy = sumByWindow(used);
    const requests = [...classes].map(([name, parts]) => ({ name, rates: sumByWindow(parts) }));
    const windows = [...busy.keys()].filter((key) => requests.every(({ rates }) => rates.has(key)));
    const demand = demandOf(
      Float64Array.from(windows, (key) => busy.get(key) as number),
      requests.map(({ name, rates }) => ({
        name,
        rates: Float64Array.from(windows, (key) => rates.get(key) as number),
      })),
    );
    demands.push({ service, source, ...demand });
  }
  return demands;
}

/** Requests per second of every service, over the windows that all its series have. */
export function requestRates({ series }: Pick<Metrics, "series">): ReadonlyMap<string, number> {
  const rates = new Map<string, number>();
  const requests = series.filter(({ role }) => role === "requests");
  for (const [service, own] of Map.groupBy(requests, (one) => one.service)) {
    const windows = [...sumByWindow(own).values()];
    if (windows.length > 0) rates.set(service, meanOf(windows));
  }
  return rates;
}

interface ClassRates {
  readonly name: string;
  readonly rates: Float64Array;
}

function demandOf(busy: Float64Array, requests: readonly ClassRates[]): Omit<ServiceDemand, "service" | "source"> {
  const rates = requests.map((one) => one.rates);
  const total = Float64Array.from(busy, (_, row) => rates.reduce((sum, column) => sum + (column[row] as number), 0));
  const ratePerSecond = meanOf(total);
  const ones = new Float64Array(busy.length).fill(1);
  const alone = nonNegativeLeastSquares([total, ones], busy);
  // Total and background differ only as far as the load varies.
  const hasBackground = (alone.tolerances[1] ?? 0) >= leastTolerance;
  const background = hasBackground ? (alone.coefficients[1] as number) : undefined;
  const fit = nonNegativeLeastSquares(hasBackground ? [...rates, ones] : rates, busy);
  const most = busy.reduce((largest, value) => Math.max(largest, value), 0);
  const reasonFor = (value: number, error: number, tolerance: number) => {
    if (busy.length < leastWindows) return `only ${busy.length} windows; at least ${leastWindows} are needed`;
    if (most < idleBelow) return `low load: at most ${(100 * most).toPrecision(2)} % of a slot was busy`;
    if (tolerance < leastTolerance) {
      return "a constant mix: its rate rises and falls with those of the others, so only their sum is known";
    }
    return error <= value / 10
      ? undefined
      : `noise: it is ${(value * 1000).toPrecision(3)} ms ± ${(error * 1000).toPrecision(2)}`;
  };
  const classes = requests.map(({ name }, index): ClassDemand => {
    const [value, error] = [fit.coefficients[index] as number, fit.standardErrors[index] as number];
    const unclear = reasonFor(value, error, fit.tolerances[index] as number);
    return { requestClass: name, demandMs: value * 1000, standardErrorMs: error * 1000, unclear };
  });
  const mean = ratePerSecond > 0 ? (meanOf(busy) - (background ?? 0)) / ratePerSecond : 0;
  const meanError = nonNegativeLeastSquares(hasBackground ? [total, ones] : [total], busy).standardErrors[0] as number;
  return {
    windows: busy.length,
    ratePerSecond,
    meanMs: Math.max(0, mean) * 1000,
    unclear: ratePerSecond > 0 ? reasonFor(mean, meanError, 1) : "no requests",
    classes,
    backgroundSlots: background,
    explained: fit.explained,
  };
}

/** Per second, by window, in windows that every series has which had begun and not ended. */
function sumByWindow(series: readonly MetricSeries[]): Map<string, number> {
  const sums = new Map<string, { sum: number; parts: number; readonly fromMs: number; readonly toMs: number }>();
  for (const { windows } of series) {
    for (const { fromMs, toMs, increase } of windows) {
      const key = `${fromMs}-${toMs}`;
      const found = sums.get(key) ?? { sum: 0, parts: 0, fromMs, toMs };
      sums.set(key, found);
      found.sum += increase / ((toMs - fromMs) / 1000);
      found.parts++;
    }
  }
  const lives = series.map(({ windows }) => [windows[0]?.fromMs ?? 0, windows.at(-1)?.toMs ?? 0] as const);
  const complete = new Map<string, number>();
  for (const [key, { sum, parts, fromMs, toMs }] of sums) {
    if (parts === lives.filter(([begin, end]) => begin <= fromMs && end >= toMs).length) complete.set(key, sum);
  }
  return complete;
}

function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index] as number;
  return values.length === 0 ? 0 : sum / values.length;
}
