/**
 * Who is served when not all can be at once. Processor sharing: a request that needs x stays x ÷ (1 − ρ) on average, whatever
 * the shape of the work (Kleinrock 1967; insensitivity: Sakata, Noguchi and Oizumi 1971). Priority without interruption: Cobham
 * 1954; whatever the order, the waits weighted with the work they wait for are the same (Kleinrock's conservation law, 1965).
 */
import type { Architecture, Distribution } from "../../src/architecture.ts";
import { component, constant, exponential, link, poisson, singleStation } from "../../src/scenario.ts";
import type { Case } from "../case.ts";
import { lengthOf, of, ofStation } from "../read.ts";

const shared = { concurrency: 10_000, cpus: 1 };

/** Two clients of one station, which bring work of their own. */
function twoClasses(station: Parameters<typeof component>[2], rates: readonly [number, number]): Architecture {
  return {
    components: [component("first", "client"), component("second", "client"), component("station", "service", station)],
    links: [link("first", "station"), link("second", "station")],
    workloads: [poisson("first", rates[0]), poisson("second", rates[1])],
  };
}

const jobs = twoClasses({ ...shared, serviceTime: constant(10) }, [80, 8]);
const jobSizes: Case = {
  id: "V08",
  what: "processor sharing at 80 %: jobs of 5 and of 50 ms",
  model: {
    ...jobs,
    workloads: jobs.workloads.map((one) => ({ ...one, workFactor: one.component === "first" ? 0.5 : 5 })),
  },
  run: lengthOf(150_000, 88, 30),
  figures: [
    { name: "5 ms job", unit: "ms", exact: 25, precision: 0.02, read: of("first", (one) => one.latency.meanMs) },
    { name: "50 ms job", unit: "ms", exact: 250, precision: 0.02, read: of("second", (one) => one.latency.meanMs) },
    { name: "core busy", unit: "", exact: 0.8, precision: 0.006, read: ofStation((one) => one.coreUtilization) },
  ],
};

const shapes: readonly { readonly work: Distribution; readonly requests: number; readonly precision: number }[] = [
  { work: constant(10), requests: 80_000, precision: 0.02 },
  { work: exponential(10), requests: 80_000, precision: 0.02 },
  { work: { kind: "erlang", meanMs: 10, cv: 0.5 }, requests: 80_000, precision: 0.02 },
  { work: { kind: "hyperexponential", meanMs: 10, cv: 2 }, requests: 150_000, precision: 0.02 },
  { work: { kind: "lognormal", meanMs: 10, cv: 2 }, requests: 150_000, precision: 0.03 },
  { work: { kind: "pareto", meanMs: 10, cv: 0, tailIndex: 2.2, maxMs: 2000 }, requests: 150_000, precision: 0.03 },
];

const insensitivity = shapes.map(
  ({ work, requests, precision }): Case => ({
    id: `V08-${work.kind}`,
    what: `processor sharing at 80 %, ${work.kind} work: as if it were exponential`,
    model: singleStation(80, { ...shared, serviceTime: work }),
    run: lengthOf(requests, 80, 30),
    figures: [
      { name: "stay mean", unit: "ms", exact: 50, precision, read: ofStation((one) => one.latency.meanMs) },
      { name: "in it", unit: "", exact: 4, precision, read: ofStation((one) => one.inFlightMean) },
    ],
  }),
);

/** Two cores for all: with exponential work as many are in it as in an M/M/2, which differs from it only in who is done. */
const twoCores: Case = {
  id: "V08-two-cores",
  what: "two shared cores at 80 %: as many in it as in an M/M/2",
  model: singleStation(160, { concurrency: 10_000, cpus: 2, serviceTime: exponential(10) }),
  run: lengthOf(120_000, 160, 20),
  figures: [
    // 2ρ ÷ (1 − ρ²)
    { name: "in it", unit: "", exact: 1.6 / 0.36, precision: 0.02, read: ofStation((one) => one.inFlightMean) },
    { name: "cores busy", unit: "", exact: 0.8, precision: 0.006, read: ofStation((one) => one.coreUtilization) },
  ],
};

/** The remaining work of who is served: 80/s × 2 × (10 ms)² ÷ 2. */
const residualMs = 8;
const work = { discipline: "priority", serviceTime: exponential(10) } as const;

const orders = [
  { id: "V09", what: "30/s before 50/s", first: 0, waits: [residualMs / 0.7, residualMs / (0.7 * 0.2)] },
  { id: "V09-reversed", what: "50/s before 30/s", first: 9, waits: [residualMs / (0.5 * 0.2), residualMs / 0.5] },
].map(({ id, what, first, waits }): Case => {
  const model = twoClasses(work, [30, 50]);
  return {
    id,
    what: `two priorities, ${what}, at 80 %, without interruption`,
    model: {
      ...model,
      workloads: model.workloads.map((one) => ({ ...one, priority: one.component === "first" ? first : 5 })),
    },
    run: lengthOf(120_000, 80, 20),
    figures: [
      ...(["first", "second"] as const).map((client, index) => ({
        name: `wait of the ${client}`,
        unit: "ms",
        exact: waits[index] as number,
        precision: 0.03,
        read: of(client, (one) => one.latency.meanMs - 10),
      })),
      // Everybody has the same work, so the weights are the rates.
      { name: "wait of all", unit: "ms", exact: 40, precision: 0.03, read: ofStation((one) => one.waitMeanMs) },
    ],
  };
});

const lifo: Case = {
  id: "V09-lifo",
  what: "the newest first, at 80 %: the mean wait of any order",
  model: singleStation(80, { discipline: "lifo", serviceTime: exponential(10) }),
  run: lengthOf(120_000, 80, 20),
  figures: [
    { name: "wait mean", unit: "ms", exact: 40, precision: 0.03, read: ofStation((one) => one.waitMeanMs) },
    // Nobody has to wait more often than in turn.
    { name: "who waits", unit: "", exact: 0.8, precision: 0.01, read: ofStation((one) => one.waitProbability) },
  ],
};

export const sharingAndPriority: readonly Case[] = [jobSizes, ...insensitivity, twoCores, ...orders, lifo];
