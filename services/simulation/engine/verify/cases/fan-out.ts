/**
 * Calls in a row, calls at once, and who gets them: a tandem of queues (Burke 1956, Jackson 1957), fork and join (Flatto
 * and Hahn 1984 for two; the slowest of independent legs is a maximum), and balancing among servers, at random and by the
 * least loaded of two or more drawn at random (Mitzenmacher 2001; for 100 and 500 servers the reference was simulated by
 * others, without a stated error, so that half a per cent is left to it; for 1000 it is the limit of endlessly many, which
 * they are near by about 1 ÷ 1000 of what is waiting). The shorter of two queues is exact, by the stationary distribution of
 * the chain cut off far outside; the shortest of 100 is a simulation of that chain by a program of its own.
 */
import type { PlannedChange } from "../../src/changes.ts";
import { component, exponential, link, poisson, singleStation } from "../../src/scenario.ts";
import { type Case, histogramBias } from "../case.ts";
import { lengthOf, of, ofStation, ofSystem } from "../read.ts";
import { meanOfLargest } from "../theory.ts";

const tandem: Case = {
  id: "V10-line",
  what: "two stations in a row, λ .7, μ 1 and 1.5, as in the LINE documentation",
  model: {
    components: [
      component("client", "client"),
      component("first", "service", { serviceTime: exponential(1000) }),
      component("second", "service", { serviceTime: exponential(1000 / 1.5) }),
    ],
    links: [link("client", "first"), link("client", "second")],
    workloads: [poisson("client", 0.7)],
  },
  run: lengthOf(60_000, 0.7, 200),
  figures: [
    { name: "first", unit: "", exact: 7 / 3, precision: 0.01, read: of("first", (one) => one.inFlightMean) },
    { name: "second", unit: "", exact: 0.875, precision: 0.01, read: of("second", (one) => one.inFlightMean) },
    { name: "latency mean", unit: "ms", exact: 4583.3, precision: 0.01, read: ofSystem((run) => run.latency.meanMs) },
  ],
};

const forkJoin: Case = {
  id: "V14",
  what: "fork to two queues and join, at 80 %: (12 − ρ) ÷ 8 times an M/M/1",
  model: {
    components: [
      component("client", "client", { fanOut: "parallel" }),
      component("left", "service", { serviceTime: exponential(10) }),
      component("right", "service", { serviceTime: exponential(10) }),
    ],
    links: [link("client", "left"), link("client", "right")],
    workloads: [poisson("client", 80)],
  },
  run: lengthOf(80_000, 80, 20),
  figures: [
    { name: "latency mean", unit: "ms", exact: 70, precision: 0.015, read: ofSystem((run) => run.latency.meanMs) },
  ],
};

const legs = (timeoutMs: number) => ({
  components: [
    component("client", "client", { fanOut: "parallel" }),
    component("leg", "service", { concurrency: 10_000, serviceTime: exponential(10) }),
  ],
  links: [link("client", "leg", { callsPerRequest: 100, timeoutMs })],
  workloads: [poisson("client", 100)],
});

const fanOut: Case[] = [
  {
    id: "V15",
    what: "100 calls at once, no queueing: as slow as the slowest",
    model: legs(0),
    run: lengthOf(4000, 100, 1),
    figures: [
      {
        name: "latency mean",
        unit: "ms",
        exact: 10 * meanOfLargest(100),
        precision: 0.003,
        read: ofSystem((run) => run.latency.meanMs),
      },
      {
        name: "p99",
        unit: "ms",
        exact: -10 * Math.log(1 - 0.99 ** 0.01),
        bias: histogramBias,
        precision: 0.01,
        read: ofSystem((run) => run.latency.p99Ms),
      },
    ],
  },
  {
    id: "V15-tail",
    what: "any of 100 calls slower than its own p99: with that as the timeout, the share of requests that fail",
    model: legs(10 * Math.log(100)),
    run: lengthOf(4000, 100, 1),
    figures: [
      { name: "failed", unit: "", exact: 1 - 0.99 ** 100, precision: 0.005, read: ofSystem((run) => run.errorRatio) },
    ],
  },
];

const servers = Array.from({ length: 4 }, (_, index) => `server-${index + 1}`);

/** Requests of the station's client, all at once. */
const burstAtStart = (requests: number): PlannedChange => ({
  atMs: 0,
  change: { kind: "burst", workload: "client-load", requests: Math.round(requests) },
});

const balancing: Case[] = [
  {
    id: "V16-random",
    what: "a balancer over four servers at random, at 90 %: four M/M/1",
    model: {
      components: [
        component("client", "client"),
        component("balancer", "load_balancer", { concurrency: 10_000 }),
        ...servers.map((id) => component(id, "service", { serviceTime: exponential(1000) })),
      ],
      links: [link("client", "balancer"), ...servers.map((id) => link("balancer", id))],
      workloads: [poisson("client", 3.6)],
    },
    run: lengthOf(250_000, 3.6, 600),
    figures: [
      {
        name: "latency mean",
        unit: "ms",
        exact: 10_000,
        precision: 0.025,
        read: ofSystem((run) => run.latency.meanMs),
      },
    ],
  },
  {
    id: "V16-central",
    what: "one queue for ten servers, at 90 %",
    model: singleStation(9, { concurrency: 10, serviceTime: exponential(1000) }),
    run: lengthOf(120_000, 9, 200),
    figures: [
      { name: "latency mean", unit: "ms", exact: 1669, precision: 0.015, read: ofSystem((run) => run.latency.meanMs) },
    ],
  },
  {
    id: "V16-round-robin-10",
    what: "ten servers in turn, at 90 %: every tenth of a Poisson process",
    model: singleStation(9, { instances: 10, balancing: "round_robin", serviceTime: exponential(1000) }),
    run: lengthOf(300_000, 9, 300),
    figures: [
      { name: "latency mean", unit: "ms", exact: 5660, precision: 0.015, read: ofSystem((run) => run.latency.meanMs) },
    ],
  },
  {
    id: "V16-shortest-2",
    what: "the shorter of two queues, at 90 %",
    model: singleStation(1.8, { instances: 2, balancing: "least_connections", serviceTime: exponential(1000) }),
    run: lengthOf(150_000, 1.8, 400),
    figures: [
      { name: "latency mean", unit: "ms", exact: 5474.9, precision: 0.02, read: ofSystem((run) => run.latency.meanMs) },
    ],
  },
  {
    id: "V16-shortest-100",
    what: "the shortest of 100 queues, at 90 %",
    model: singleStation(90, { instances: 100, balancing: "least_connections", serviceTime: exponential(1000) }),
    run: lengthOf(100_000, 90, 60),
    figures: [
      {
        name: "latency mean",
        unit: "ms",
        exact: 1066.15,
        exactError: 0.57,
        precision: 0.003,
        read: ofSystem((run) => run.latency.meanMs),
      },
    ],
  },
  ...[
    { choices: 2, servers: 100, load: 0.9, latencyMs: 2641, requests: 100_000 },
    { choices: 2, servers: 500, load: 0.9, latencyMs: 2628, requests: 120_000 },
    { choices: 2, servers: 1000, load: 0.5, latencyMs: 1266, requests: 80_000 },
    { choices: 3, servers: 1000, load: 0.9, latencyMs: 2028, requests: 120_000 },
    { choices: 2, servers: 1000, load: 0.99, latencyMs: 5432, requests: 150_000, precision: 0.02 },
  ].map(
    ({ choices, servers: instances, load, latencyMs, requests, precision = 0.005 }): Case => ({
      id: `V16-${choices}-choices-${instances}-${load}`,
      what: `the least loaded of ${choices} out of ${instances} servers, at ${load * 100} %`,
      model: singleStation(instances * load, { instances, choices, serviceTime: exponential(1000) }),
      // From empty it takes minutes to fill so many servers at 99 %, so a run begins with as many as there will be.
      run: {
        ...lengthOf(requests, instances * load, 60),
        changes: () => (load < 0.99 ? [] : [burstAtStart(instances * load * (latencyMs / 1000))]),
      },
      figures: [
        {
          name: "latency mean",
          unit: "ms",
          exact: latencyMs,
          bias: 0.005,
          precision,
          read: ofStation((one) => one.latency.meanMs),
        },
      ],
    }),
  ),
];

export const fanOutAndBalancing: readonly Case[] = [tandem, forkJoin, ...fanOut, ...balancing];
