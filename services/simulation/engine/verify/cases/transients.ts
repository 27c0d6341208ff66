/**
 * What happens in time: the start from empty, a herd, how much luck a run of a given length has, and what a faster server is
 * worth.
 *
 * The variance of an average over time is known for M/M/1 (Whitt 1989): times the length of the run it tends to
 * 2ρ(1 + ρ) ÷ (1 − ρ)⁴, in service times. It is what every interval in this table stands on.
 */
import type { Architecture } from "../../src/architecture.ts";
import { closed, constant, constantRate, exponential, resultsOfComponent, singleStation } from "../../src/scenario.ts";
import { type Case, histogramBias } from "../case.ts";
import { lengthOf, ofStation, ofSystem } from "../read.ts";
import { mmOneFromEmpty } from "../theory.ts";

const herd: Case = {
  id: "V27",
  what: "1000 requests at one instant, four slots of 10 ms",
  // Users come back when they are answered, but the last of the first thousand is served before any of them again.
  model: { ...singleStation(1, { concurrency: 4, serviceTime: constant(10) }), workloads: [closed("client", 1000, 0)] },
  run: { durationMs: 2500, isFixed: true },
  figures: [
    { name: "answered by 2500 ms", unit: "", exact: 1000, precision: 0, read: ofSystem((run) => run.completed) },
    { name: "latency max", unit: "ms", exact: 2500, precision: 0, read: ofSystem((run) => run.latency.maxMs) },
    { name: "latency mean", unit: "ms", exact: 1255, precision: 0, read: ofSystem((run) => run.latency.meanMs) },
    {
      name: "p99",
      unit: "ms",
      exact: 2480,
      bias: histogramBias,
      precision: 0,
      read: ofSystem((run) => run.latency.p99Ms),
    },
  ],
};

const runSeconds = 100;
const runLength: Case = {
  id: "V30",
  what: "the luck in a run of 10 000 service times of an M/M/1 at 50 %",
  model: singleStation(50, { serviceTime: exponential(10) }),
  run: { warmupMs: 5000, durationMs: 5000 + runSeconds * 1000, replications: 1000, isFixed: true },
  figures: [
    {
      name: "asymptotic variance",
      unit: "",
      exact: 24,
      // What the run has left behind at its ends: of the order of its relaxation time.
      bias: 0.01,
      precision: 0.06,
      read: ofStation((one) => (one.inFlightMean - 1) ** 2 * runSeconds * 100),
    },
  ],
};

const warmUps = [
  { ratePerSecond: 50, relaxationSeconds: 0.1166, replications: 4000 },
  { ratePerSecond: 90, relaxationSeconds: 3.797, replications: 3000 },
].map(({ ratePerSecond, relaxationSeconds, replications }): Case => {
  const exact = mmOneFromEmpty(ratePerSecond, 100, relaxationSeconds);
  return {
    id: `V31-${ratePerSecond}`,
    what: `M/M/1 at ${ratePerSecond} %, from empty for one relaxation time of ${relaxationSeconds} s`,
    model: singleStation(ratePerSecond, { serviceTime: exponential(10) }),
    run: { durationMs: relaxationSeconds * 1000, replications, isFixed: true },
    figures: [
      { name: "in it then", unit: "", exact: exact.atEnd, precision: 0.03, read: ofStation((one) => one.inFlight) },
      {
        name: "in it so far",
        unit: "",
        exact: exact.meanUntilEnd,
        precision: 0.03,
        read: ofStation((one) => one.inFlightMean),
      },
    ],
  };
});

const operationalLaws: Case = {
  id: "V32",
  what: "30 requests/s of 20 ms each for a minute: U = X × S",
  model: { ...singleStation(30, { serviceTime: constant(20) }), workloads: [constantRate("client", 30)] },
  run: { durationMs: 61_000, warmupMs: 1000, isFixed: true },
  figures: [
    { name: "utilization", unit: "", exact: 0.6, bias: 1e-6, precision: 0, read: ofStation((one) => one.utilization) },
    { name: "rate", unit: "/s", exact: 30, precision: 0, read: ofStation((one) => one.throughputPerSecond) },
    { name: "completed", unit: "", exact: 1800, precision: 0, read: ofStation((one) => one.completed) },
  ],
};

const station = (meanMs: number): Architecture => singleStation(90, { serviceTime: exponential(meanMs) });

const elasticity: Case = {
  id: "V35",
  what: "M/M/1 at 90 % beside one with a server that is 5 % faster, with the same luck",
  model: station(10),
  rival: station(10 / 1.05),
  run: lengthOf(150_000, 90, 40),
  figures: [
    {
      name: "latency saved",
      unit: "ms",
      exact: 1000 / 10 - 1000 / 15,
      precision: 0.04,
      read: ({ results, rival }) =>
        resultsOfComponent(results, "station").latency.meanMs - resultsOfComponent(rival, "station").latency.meanMs,
    },
  ],
};

export const transients: readonly Case[] = [herd, runLength, ...warmUps, operationalLaws, elasticity];
