/**
 * How fast the users of closed workloads go round: rate = users ÷ (think time + response), and the response rises with the
 * rate. Where mean value analysis is exact it answers, waits included; elsewhere each rate is found by bisection with the
 * others held, in turn until none moves.
 */
import type { Model, ModelComponent, ModelLink } from "../model.ts";
import { timeOf } from "./call-attempts.ts";
import { closedNetwork } from "./closed-network.ts";
import { type Drive, type OperatingPoint, settle } from "./operating-point.ts";
import { rootOf } from "./quantile.ts";

const mostSweeps = 40;
/** The engine's pause after an answer that took no time. */
const shortestRoundMs = 1;

export interface Settled {
  readonly point: OperatingPoint;
  readonly ratesPerSecond: readonly number[];
  readonly isExactMva: boolean;
}

export function settleWorkloads(model: Model, drive: Drive): Settled {
  const closed = model.workloads.filter(({ kind }) => kind === "closed");
  if (closed.length === 0) {
    return { point: settle(model, drive), ratesPerSecond: drive.ratesPerSecond, isExactMva: false };
  }
  if (isProductForm(model)) return byMeanValues(model, drive);
  const ratesPerSecond = [...drive.ratesPerSecond];
  for (let sweep = 0; sweep < mostSweeps; sweep++) {
    let moved = 0;
    for (const { index, client, users: usersAtLoad1, thinkTimeMs } of closed) {
      const users = Math.round(usersAtLoad1 * model.load);
      const before = ratesPerSecond[index] as number;
      const excess = (rate: number) => {
        ratesPerSecond[index] = rate;
        const responseMs = settle(model, { ...drive, ratesPerSecond }).components[client]?.inside.meanMs ?? 0;
        return users / Math.max(shortestRoundMs, thinkTimeMs + responseMs) - rate / 1000;
      };
      const highest = (1000 * users) / Math.max(shortestRoundMs, thinkTimeMs);
      const found = users === 0 ? 0 : rootOf(excess, 0, highest);
      // Just below the root, where the response still has an end.
      ratesPerSecond[index] = found * (1 - 1e-12);
      moved = Math.max(moved, Math.abs(found - before) / (found || 1));
    }
    if (closed.length === 1 || moved < 1e-9) break;
  }
  return { point: settle(model, { ...drive, ratesPerSecond }), ratesPerSecond, isExactMva: false };
}

/** One class of users who call single exponential slots one after the other, and nothing else. */
function isProductForm(model: Model): boolean {
  const only = model.workloads[0];
  if (only === undefined || model.workloads.length > 1 || only.kind !== "closed") return false;
  const client = model.components[only.client];
  if (client === undefined || client.isParallel) return false;
  return client.links.every((link) => {
    const station = model.components[link.to];
    if (station === undefined || station.links.length > 0 || !link.isAwaited || link.timeoutMs > 0) return false;
    const { meanMs, varianceMs2 } = timeOf(station.serviceTime);
    if (!isPlainStation(station) || !isPlainLink(link)) return false;
    const isExponential = meanMs === 0 || Math.abs(varianceMs2 / meanMs ** 2 - 1) < 0.01;
    const fits = station.queueCapacity + 1 >= only.users * model.load;
    return isExponential && fits && station.instances === 1 && station.concurrency === 1 && station.errorRatio === 0;
  });
}

function isPlainStation({ rateLimit, autoscaler, locks, cpus }: ModelComponent): boolean {
  return rateLimit === undefined && autoscaler === undefined && locks === undefined && (cpus === 0 || cpus >= 1);
}

function isPlainLink({ maxConnections, bandwidthMbps, lossRatio, hedgeAfterMs, breaker }: ModelLink): boolean {
  return maxConnections + bandwidthMbps + lossRatio + hedgeAfterMs === 0 && breaker === undefined;
}

function byMeanValues(model: Model, drive: Drive): Settled {
  const only = model.workloads[0] as Model["workloads"][number];
  const visits = new Map<number, number>();
  let networkMs = 0;
  for (const { to, callsPerRequest, latency } of model.components[only.client]?.links ?? []) {
    visits.set(to, (visits.get(to) ?? 0) + callsPerRequest);
    networkMs += callsPerRequest * timeOf(latency).meanMs;
  }
  const workMs = (index: number) => timeOf((model.components[index] as Model["components"][number]).serviceTime).meanMs;
  const demands = [...visits].map(([index, count]) => ({ demandMs: count * workMs(index) }));
  const totalMs = demands.reduce((sum, { demandMs }) => sum + demandMs, networkMs + only.thinkTimeMs);
  const given = { users: Math.round(only.users * model.load), thinkMs: only.thinkTimeMs };
  // A round that takes no time lasts the engine's pause.
  const delayMs = totalMs === 0 ? shortestRoundMs : networkMs;
  const figures = closedNetwork([...demands, { demandMs: delayMs, isDelay: true }], given);
  const waitsMs = new Map<number, number>();
  [...visits].forEach(([index, count], position) => {
    const residenceMs = figures.stations[position]?.residenceMs ?? 0;
    waitsMs.set(index, count === 0 ? 0 : Math.max(0, residenceMs / count - workMs(index)));
  });
  const ratesPerSecond = [figures.throughputPerSecond];
  return { point: settle(model, { ...drive, ratesPerSecond, waitsMs }), ratesPerSecond, isExactMva: true };
}
