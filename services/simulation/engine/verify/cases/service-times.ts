/**
 * M/G/1: the wait depends on the work through its mean and its coefficient of variation alone, Wq = ρS(1 + cv²) ÷ 2(1 − ρ)
 * (Pollaczek 1930, Khinchine 1932). Heavy tails converge slowly, so the last ones run long and state less precision.
 */
import type { Distribution } from "../../src/architecture.ts";
import { constant, exponential, singleStation } from "../../src/scenario.ts";
import type { Case } from "../case.ts";
import { lengthOf, ofStation } from "../read.ts";

interface Shape {
  readonly name: string;
  readonly serviceTime: Distribution;
  readonly waitMs: number;
  readonly requests: number;
  readonly precision: number;
}

const shapes: readonly Shape[] = [
  { name: "constant", serviceTime: constant(10), waitMs: 20, requests: 80_000, precision: 0.015 },
  {
    name: "Erlang-4",
    serviceTime: { kind: "gamma", meanMs: 10, cv: 0.5 },
    waitMs: 25,
    requests: 80_000,
    precision: 0.015,
  },
  { name: "exponential", serviceTime: exponential(10), waitMs: 40, requests: 80_000, precision: 0.02 },
  {
    name: "gamma, cv² 4",
    serviceTime: { kind: "gamma", meanMs: 10, cv: 2 },
    waitMs: 100,
    requests: 150_000,
    precision: 0.03,
  },
  {
    name: "lognormal, cv² 10",
    serviceTime: { kind: "lognormal", meanMs: 10, cv: Math.sqrt(10) },
    waitMs: 220,
    requests: 400_000,
    precision: 0.06,
  },
];

export const serviceTimes: readonly Case[] = shapes.map(({ name, serviceTime, waitMs, requests, precision }) => ({
  id: `V07-${name.split(",")[0]?.toLowerCase()}`,
  what: `M/G/1 at 80 %, ${name} work`,
  model: singleStation(80, { serviceTime }),
  run: lengthOf(requests, 80, 30),
  figures: [
    { name: "wait mean", unit: "ms", exact: waitMs, precision, read: ofStation((one) => one.waitMeanMs) },
    { name: "utilization", unit: "", exact: 0.8, precision: 0.006, read: ofStation((one) => one.utilization) },
  ],
}));
