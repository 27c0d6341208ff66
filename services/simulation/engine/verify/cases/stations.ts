/**
 * One station, Poisson arrivals, exponential work: M/M/1, M/M/c, the loss system and the bounded queue (Erlang 1917;
 * Kleinrock, Queueing Systems I, 1975). A published case of another tool's documentation is among them.
 *
 * Who has to wait is read in two ways that do not know of each other: as the share of the requests that waited, and as the share
 * of the time in which all slots were taken, which Poisson arrivals see just as it is (Wolff 1982).
 */
import { component, constant, exponential, link, poisson, singleStation } from "../../src/scenario.ts";
import { type Case, histogramBias } from "../case.ts";
import { lengthOf, of, ofStation, ofSystem, timeWithAtLeast } from "../read.ts";
import { erlangB } from "../theory.ts";

const bias = histogramBias;

const mmOne: Case = {
  id: "V01",
  what: "M/M/1 at 90 %",
  model: singleStation(90, { serviceTime: exponential(10) }),
  run: lengthOf(250_000, 90, 40),
  figures: [
    { name: "utilization", unit: "", exact: 0.9, precision: 0.002, read: ofStation((one) => one.utilization) },
    { name: "in the system", unit: "", exact: 9, precision: 0.02, read: ofStation((one) => one.inFlightMean) },
    { name: "queue", unit: "", exact: 8.1, precision: 0.02, read: ofStation((one) => one.queueLengthMean) },
    { name: "ten or more", unit: "", exact: 0.9 ** 10, precision: 0.02, read: timeWithAtLeast(10) },
    { name: "one or more", unit: "", exact: 0.9, precision: 0.002, read: timeWithAtLeast(1) },
    { name: "fifty or more", unit: "", exact: 0.9 ** 50, precision: 0.15, read: timeWithAtLeast(50) },
    { name: "latency mean", unit: "ms", exact: 100, precision: 0.02, read: ofSystem((run) => run.latency.meanMs) },
    { name: "wait mean", unit: "ms", exact: 90, precision: 0.02, read: ofStation((one) => one.waitMeanMs) },
    { name: "p50", unit: "ms", exact: 69.31, bias, precision: 0.02, read: ofSystem((run) => run.latency.p50Ms) },
    { name: "p95", unit: "ms", exact: 299.6, bias, precision: 0.025, read: ofSystem((run) => run.latency.p95Ms) },
    { name: "p99", unit: "ms", exact: 460.5, bias, precision: 0.03, read: ofSystem((run) => run.latency.p99Ms) },
    { name: "p99.9", unit: "ms", exact: 690.8, bias, precision: 0.04, read: ofSystem((run) => run.latency.p999Ms) },
  ],
};

const ciwExample: Case = {
  id: "V01-ciw",
  what: "M/M/1 of the Ciw documentation, λ 5, μ 8: exact .2083, their example prints .2013",
  model: singleStation(5, { serviceTime: exponential(125) }),
  run: lengthOf(50_000, 5, 20),
  figures: [
    { name: "wait mean", unit: "ms", exact: 208.33, precision: 0.01, read: ofStation((one) => one.waitMeanMs) },
  ],
};

const tenSlots: Case = {
  id: "V02",
  what: "M/M/10 at 80 %",
  model: singleStation(80, { concurrency: 10, serviceTime: exponential(100) }),
  run: lengthOf(100_000, 80, 10),
  figures: [
    { name: "wait mean", unit: "ms", exact: 20.46, precision: 0.02, read: ofStation((one) => one.waitMeanMs) },
    { name: "who waits", unit: "", exact: 0.4092, precision: 0.01, read: ofStation((one) => one.waitProbability) },
    { name: "all slots taken", unit: "", exact: 0.4092, precision: 0.01, read: timeWithAtLeast(10) },
    { name: "twenty or more", unit: "", exact: 0.4092 * 0.8 ** 10, precision: 0.04, read: timeWithAtLeast(20) },
    { name: "wait p99", unit: "ms", exact: 185.6, bias, precision: 0.02, read: ofStation((one) => one.waitP99Ms) },
    { name: "queue", unit: "", exact: 1.637, precision: 0.02, read: ofStation((one) => one.queueLengthMean) },
    { name: "latency mean", unit: "ms", exact: 120.46, precision: 0.005, read: ofSystem((run) => run.latency.meanMs) },
    { name: "p50", unit: "ms", exact: 91.21, bias, precision: 0.005, read: ofSystem((run) => run.latency.p50Ms) },
    { name: "p95", unit: "ms", exact: 332.8, bias, precision: 0.005, read: ofSystem((run) => run.latency.p95Ms) },
    { name: "p99", unit: "ms", exact: 494.6, bias, precision: 0.005, read: ofSystem((run) => run.latency.p99Ms) },
  ],
};

const threeSlots: Case = {
  id: "V03",
  what: "M/M/3 of the Ciw README: exact 4.444 s, without a warm-up their example prints 3.762",
  model: singleStation(0.2, { concurrency: 3, serviceTime: exponential(10_000) }),
  run: lengthOf(60_000, 0.2, 1000),
  figures: [
    { name: "wait mean", unit: "ms", exact: 4444.4, precision: 0.02, read: ofStation((one) => one.waitMeanMs) },
    { name: "who waits", unit: "", exact: 0.4444, precision: 0.01, read: ofStation((one) => one.waitProbability) },
    { name: "all slots taken", unit: "", exact: 0.4444, precision: 0.01, read: timeWithAtLeast(3) },
    { name: "latency mean", unit: "ms", exact: 14_444, precision: 0.01, read: ofSystem((run) => run.latency.meanMs) },
    { name: "queue", unit: "", exact: 0.8889, precision: 0.02, read: ofStation((one) => one.queueLengthMean) },
  ],
};

const connectionPool: Case = {
  id: "V04",
  what: "5 connections, each held for the length of a call, at 80 %",
  model: {
    components: [
      component("client", "client"),
      component("pool", "service", { concurrency: 5 }),
      component("database", "database", { concurrency: 10_000, serviceTime: exponential(100) }),
    ],
    links: [link("client", "pool"), link("pool", "database")],
    workloads: [poisson("client", 40)],
  },
  run: lengthOf(80_000, 40, 20),
  figures: [
    { name: "wait mean", unit: "ms", exact: 55.41, precision: 0.02, read: of("pool", (one) => one.waitMeanMs) },
    { name: "latency mean", unit: "ms", exact: 155.41, precision: 0.01, read: ofSystem((run) => run.latency.meanMs) },
    { name: "connections held", unit: "", exact: 0.8, precision: 0.005, read: of("pool", (one) => one.utilization) },
    { name: "of that for own work", unit: "", exact: 0, precision: 0, read: of("pool", (one) => one.workUtilization) },
  ],
};

/** The same pool as a setting of the link; what waits is then with the caller. */
const linkPool: Case = {
  id: "V04-link",
  what: "5 connections of a link, at 80 %",
  model: {
    components: [
      component("client", "client"),
      component("database", "database", { concurrency: 10_000, serviceTime: exponential(100) }),
    ],
    links: [link("client", "database", { maxConnections: 5 })],
    workloads: [poisson("client", 40)],
  },
  run: lengthOf(80_000, 40, 20),
  figures: [
    { name: "waiting", unit: "", exact: 2.2164, precision: 0.03, read: of("client", (one) => one.backlogMean) },
    {
      // Of those that wait: the mean of an exponential of 50 - 40 per second.
      name: "wait of who waits",
      unit: "ms",
      exact: 100,
      precision: 0.02,
      read: of("client", (one) => one.connectionWaitMeanMs),
    },
    { name: "latency mean", unit: "ms", exact: 155.41, precision: 0.01, read: ofSystem((run) => run.latency.meanMs) },
    { name: "at the database", unit: "", exact: 4, precision: 0.005, read: of("database", (one) => one.inFlightMean) },
  ],
};

/** The loss formula asks only for the mean of the work, so three shapes of it must give one answer. */
const losses = [
  { slots: 10, offered: 8 },
  { slots: 5, offered: 4 },
  { slots: 100, offered: 90 },
].flatMap(({ slots, offered }): Case[] =>
  [exponential(100), constant(100), { kind: "lognormal" as const, meanMs: 100, cv: 2 }].map((serviceTime) => ({
    id: `V05-${slots}-${serviceTime.kind}`,
    what: `${slots} slots and no queue, offered ${offered}, ${serviceTime.kind} work`,
    model: singleStation(offered * 10, { concurrency: slots, serviceTime, queueCapacity: 0 }),
    run: lengthOf(slots === 100 ? 150_000 : 50_000, offered * 10, 10),
    figures: [
      {
        name: "shed",
        unit: "",
        exact: erlangB(offered, slots),
        precision: 0.02,
        read: ofStation((one) => one.shed / one.arrivals),
      },
    ],
  })),
);

const boundedQueue: Case = {
  id: "V06",
  what: "M/M/1 with room for 20, offered 120 % of what it serves",
  // 20 in the system: one in the slot, 19 waiting.
  model: singleStation(120, { serviceTime: exponential(10), queueCapacity: 19 }),
  run: lengthOf(60_000, 120, 5),
  figures: [
    { name: "shed", unit: "", exact: 0.1704, precision: 0.01, read: ofStation((one) => one.shed / one.arrivals) },
    { name: "goodput", unit: "/s", exact: 99.56, precision: 0.003, read: ofStation((one) => one.throughputPerSecond) },
    { name: "in the system", unit: "", exact: 15.47, precision: 0.01, read: ofStation((one) => one.inFlightMean) },
    { name: "latency mean", unit: "ms", exact: 155.4, precision: 0.01, read: ofSystem((run) => run.latency.meanMs) },
    { name: "utilization", unit: "", exact: 0.9956, precision: 0.003, read: ofStation((one) => one.utilization) },
    { name: "error ratio", unit: "", exact: 0.1704, precision: 0.01, read: ofSystem((run) => run.errorRatio) },
  ],
};

export const stations: readonly Case[] = [
  mmOne,
  ciwExample,
  tenSlots,
  threeSlots,
  connectionPool,
  linkPool,
  ...losses,
  boundedQueue,
];
