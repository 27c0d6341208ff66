/**
 * Retries: how they multiply independent failures, and how they keep an overload alive when its cause is gone.
 *
 * The outage of a metastable case is made of work: 1000 requests without patience arrive at time 0 and keep the server
 * busy for 10 s on average, while the clients' requests queue behind them. Whoever sent them then parks for an hour.
 *
 * A client whose request waits past its timeout sends λ(R + 1) attempts per second in the end, so the overload keeps itself
 * up when that is more than μ. Recovery is the time until the queue is short enough (20) for answers to be in time. In the
 * fluid that takes (backlog − 20) ÷ (μ − λ(R + 1)). Of the attempts of the last 3 timeouts of the outage some are still to
 * come when it ends: 1.2 per request and second with R = 3 and 200 ms, so the backlog is λ(10(R + 1) − 1.2). Without retries
 * the formula is exact (Wald's identity for a walk that goes down one by one); with them a few answers are in time
 * before the queue is down to 20, which the bias leaves room for.
 */
import type { Architecture } from "../../src/architecture.ts";
import { closed, component, constant, exponential, link, poisson, singleStation } from "../../src/scenario.ts";
import type { Case } from "../case.ts";
import { arrivalsPer, lengthOf, of } from "../read.ts";

const succeeded = of("client", (one) => one.completed / (one.completed + one.failed));
const failed = of("client", (one) => one.failed / (one.completed + one.failed));

const amplification = [
  { errorRatio: 0.5, retries: 3, attempts: 1.875, success: 0.9375 },
  { errorRatio: 0.2, retries: 2, attempts: 1.24, success: 0.992 },
  { errorRatio: 1, retries: 3, attempts: 4, success: 0 },
].map(
  ({ errorRatio, retries, attempts, success }): Case => ({
    id: `V20-${errorRatio}`,
    what: `independent failures of ${errorRatio}, ${retries} retries`,
    model: {
      ...singleStation(100, { concurrency: 1000, errorRatio }),
      links: [link("client", "station", { retries })],
    },
    run: lengthOf(20_000, 100, 0),
    figures: [
      { name: "attempts", unit: "", exact: attempts, precision: 0.003, read: arrivalsPer("station", "client") },
      { name: "succeeded", unit: "", exact: success, precision: 0.003, read: succeeded },
    ],
  }),
);

const threeLayers: Case = {
  id: "V20-layers",
  what: "three layers of three retries over something that always fails",
  model: {
    components: [
      component("client", "client"),
      component("a", "service", { concurrency: 100 }),
      component("b", "service", { concurrency: 100 }),
      component("c", "service", { concurrency: 100, errorRatio: 1 }),
    ],
    links: [link("client", "a", { retries: 3 }), link("a", "b", { retries: 3 }), link("b", "c", { retries: 3 })],
    workloads: [poisson("client", 10)],
  },
  run: { durationMs: 10_000, isFixed: true },
  figures: [{ name: "attempts", unit: "", exact: 64, precision: 0, read: arrivalsPer("c", "client") }],
};

const notFound: Case = {
  ...threeLayers,
  id: "V20-layers-final",
  what: "the same, where an error says that it is of no use to try again",
  model: {
    ...threeLayers.model,
    components: threeLayers.model.components.map((one) => ({ ...one, errorRatio: 0 })),
  },
  run: {
    ...threeLayers.run,
    changes: () => [{ atMs: 0, change: { kind: "errors", component: "c", ratio: 1, code: "not_found" } }],
  },
  figures: [{ name: "attempts", unit: "", exact: 1, precision: 0, read: arrivalsPer("c", "client") }],
};

const outageMs = 10_000;
const lookMs = 50;

function outageOf(ratePerSecond: number, retries: number): Architecture {
  return {
    components: [
      component("client", "client"),
      component("outage", "client"),
      component("station", "service", { serviceTime: exponential(10) }),
      component("parking", "external", { concurrency: 10_000, serviceTime: constant(600_000) }),
    ],
    links: [
      link("client", "station", { timeoutMs: 200, retries }),
      link("outage", "station"),
      link("outage", "parking", { callsPerRequest: 6 }),
    ],
    workloads: [poisson("client", ratePerSecond), closed("outage", 1000, 0)],
  };
}

/** 23.75 and 26.25 hold the boundary of 25 between them, to 5 %. */
const metastable = [20, 23.75, 24, 26.25, 30, 50].map(
  (ratePerSecond): Case => ({
    id: `V21-${ratePerSecond}`,
    what: `${ratePerSecond} requests/s with 3 retries, long after an outage of 10 s; the boundary is 25`,
    model: outageOf(ratePerSecond, 3),
    run: { durationMs: 1_200_000, warmupMs: 1_000_000, isFixed: true },
    figures: [{ name: "failing still", unit: "", exact: ratePerSecond > 25 ? 1 : 0, precision: 0, read: failed }],
  }),
);

const recovery = [
  { ratePerSecond: 10, retries: 3, bias: 0.02, precision: 0.05 },
  { ratePerSecond: 15, retries: 3, bias: 0.04, precision: 0.05 },
  { ratePerSecond: 20, retries: 3, bias: 0.04, precision: 0.05 },
  { ratePerSecond: 22, retries: 3, bias: 0.04, precision: 0.05 },
  { ratePerSecond: 50, retries: 0, bias: 0, precision: 0.05 },
  { ratePerSecond: 80, retries: 0, bias: 0, precision: 0.05 },
].map(({ ratePerSecond, retries, bias, precision }): Case => {
  const attemptsToCome = 0.2 * ((retries * (retries + 1)) / 2);
  const backlog = ratePerSecond * ((outageMs / 1000) * (retries + 1) - attemptsToCome);
  return {
    id: `V21b-${ratePerSecond}-${retries}`,
    what: `time to recover from an outage of 10 s at ${ratePerSecond} requests/s, ${retries} retries`,
    model: outageOf(ratePerSecond, retries),
    run: {
      durationMs: 1_000_000,
      isFixed: true,
      replications: 100,
      watch: {
        fromMs: 1000,
        everyMs: lookMs,
        until: ({ components }) => components.some(({ id, inFlight }) => id === "station" && inFlight <= 20),
      },
    },
    figures: [
      {
        name: "recovery",
        unit: "s",
        exact: (backlog - 20) / (100 - ratePerSecond * (retries + 1)),
        ...{ bias, precision },
        // Half a look is what the looking adds.
        read: ({ reachedMs }) => (reachedMs - lookMs / 2 - outageMs) / 1000,
      },
    ],
  };
});

export const retries: readonly Case[] = [...amplification, threeLayers, notFound, ...metastable, ...recovery];
