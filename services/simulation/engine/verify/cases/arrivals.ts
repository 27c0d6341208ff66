/**
 * Arrivals that are no Poisson process of one rate: by the day (Eick, Massey and Whitt 1993: servers for all follow the rate with
 * a lag), a spike (the fluid: a backlog grows and drains by the difference of the rates), batches, and every fourth of a Poisson
 * process, whose gaps are Erlang's of four stages, which makes a GI/M/1.
 */
import { constant, exponential, poisson, singleStation } from "../../src/scenario.ts";
import type { Case } from "../case.ts";
import { lengthOf, ofStation, ofSystem } from "../read.ts";

const periodSeconds = 60;
const staySeconds = 5;
const lag = Math.atan((2 * Math.PI * staySeconds) / periodSeconds);
/** The share of the swing that is left of it, and when in a period it is seen. */
const damping = Math.cos(lag);
const lagSeconds = (lag * periodSeconds) / (2 * Math.PI);

const diurnal = [
  { name: "peak", phase: 0.25, exact: 500 * (1 + 0.5 * damping) },
  { name: "trough", phase: 0.75, exact: 500 * (1 - 0.5 * damping) },
  { name: "rising", phase: 0, exact: 500 },
  { name: "falling", phase: 0.5, exact: 500 },
].map(
  ({ name, phase, exact }): Case => ({
    id: `V23-${name}`,
    what: `100 requests/s ± 50 % in a minute, 5 s each, ${name}: 4.6 s after the rate`,
    model: {
      ...singleStation(0, { concurrency: 10_000, serviceTime: exponential(staySeconds * 1000) }),
      workloads: [{ ...poisson("client", 100), kind: "diurnal", amplitude: 0.5, periodMs: periodSeconds * 1000 }],
    },
    run: { durationMs: (periodSeconds * (1 + phase) + lagSeconds) * 1000, replications: 200, isFixed: true },
    figures: [{ name: "in it", unit: "", exact, precision: 0.005, read: ofStation((one) => one.inFlight) }],
  }),
);

const spike: Case = {
  id: "V24",
  what: "50 requests/s, 150 for a minute and 50 again, at a server of 100/s",
  model: {
    ...singleStation(0, { serviceTime: constant(10) }),
    workloads: [{ ...poisson("client", 50), kind: "spike", startMs: 30_000, lengthMs: 60_000, spikeFactor: 3 }],
  },
  run: {
    durationMs: 250_000,
    replications: 100,
    isFixed: true,
    watch: {
      fromMs: 90_000,
      everyMs: 100,
      until: ({ components }) => components.some(({ id, inFlight }) => id === "station" && inFlight <= 1),
    },
  },
  figures: [
    {
      name: "backlog",
      unit: "",
      exact: 3000,
      bias: 0.003,
      precision: 0.01,
      read: ofStation((one) => one.queueLengthMax),
    },
    {
      name: "longest wait",
      unit: "s",
      exact: 30,
      bias: 0.005,
      precision: 0.01,
      read: ofSystem((run) => run.latency.maxMs / 1000),
    },
    {
      name: "drained",
      unit: "s",
      exact: 60,
      bias: 0.003,
      precision: 0.01,
      read: ({ reachedMs }) => reachedMs / 1000 - 90,
    },
  ],
};

const batches: Case = {
  id: "V34",
  what: "batches of 5 at a single server, at 80 %",
  model: {
    ...singleStation(0, { serviceTime: exponential(1000) }),
    workloads: [{ ...poisson("client", 0.8), kind: "batch", batchSize: 5 }],
  },
  run: lengthOf(100_000, 0.8, 400),
  figures: [
    { name: "in the system", unit: "", exact: 12, precision: 0.025, read: ofStation((one) => one.inFlightMean) },
    { name: "latency mean", unit: "ms", exact: 15_000, precision: 0.025, read: ofSystem((run) => run.latency.meanMs) },
  ],
};

/** The root σ of σ = E[e^(−μ(1−σ)A)] for gaps of four stages, by which the wait is that of an M/M/1 at σ. */
function erlangFourRoot(utilization: number): number {
  let root = 0.5;
  for (let step = 0; step < 200; step++) root = ((4 * utilization) / (4 * utilization + 1 - root)) ** 4;
  return root;
}

const erlangGaps = [0.8, 0.9].map((utilization): Case => {
  const root = erlangFourRoot(utilization);
  return {
    id: utilization === 0.8 ? "V33" : "V16-round-robin-4",
    what: `every fourth of a Poisson process at a server, at ${utilization * 100} %: E4/M/1`,
    model: singleStation(4 * utilization, { instances: 4, balancing: "round_robin", serviceTime: exponential(1000) }),
    run: lengthOf(utilization === 0.8 ? 150_000 : 250_000, 4 * utilization, 400),
    figures: [
      {
        name: "latency mean",
        unit: "ms",
        exact: 1000 / (1 - root),
        precision: 0.02,
        read: ofStation((one) => one.latency.meanMs),
      },
      {
        name: "wait mean",
        unit: "ms",
        exact: (1000 * root) / (1 - root),
        precision: 0.02,
        read: ofStation((one) => one.waitMeanMs),
      },
      { name: "who waits", unit: "", exact: root, precision: 0.01, read: ofStation((one) => one.waitProbability) },
    ],
  };
});

export const arrivals: readonly Case[] = [...diurnal, spike, batches, ...erlangGaps];
