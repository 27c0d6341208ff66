/**
 * Better resources never make a run worse when both have the same luck. For single queues that is a theorem of every
 * sample path (Lindley's recursion grows with the work and shrinks with the gaps), so it is asked of each seed by itself.
 */
import type { Architecture, Component } from "../../src/architecture.ts";
import { exponential, resultsOfComponent, simulate, singleStation } from "../../src/scenario.ts";
import type { Property } from "../property.ts";

interface Ladder {
  readonly name: string;
  readonly rungs: readonly Architecture[];
  /** What must not fall from rung to rung. */
  readonly read: (architecture: Architecture, seed: number) => number;
}

const waitMs = (architecture: Architecture, seed: number): number =>
  resultsOfComponent(simulate(architecture, { seed, durationMs: 60_000 }).results(), "station").waitMeanMs;

const shedCount = (architecture: Architecture, seed: number): number =>
  resultsOfComponent(simulate(architecture, { seed, durationMs: 60_000 }).results(), "station").shed;

const station = (given: Partial<Component>, ratePerSecond = 80): Architecture =>
  singleStation(ratePerSecond, { serviceTime: exponential(10), ...given });

const ladders: readonly Ladder[] = [
  {
    name: "slower work, longer wait",
    rungs: [8, 9, 10, 11, 12].map((meanMs) => station({ serviceTime: exponential(meanMs) })),
    read: waitMs,
  },
  {
    name: "fewer slots, longer wait",
    rungs: [4, 3, 2, 1].map((concurrency) => station({ concurrency })),
    read: waitMs,
  },
  {
    name: "more requests, longer wait",
    rungs: [50, 60, 70, 80, 90].map((ratePerSecond) => station({}, ratePerSecond)),
    read: waitMs,
  },
  {
    name: "less room, more shed",
    rungs: [20, 10, 5, 2, 0].map((queueCapacity) => station({ queueCapacity }, 110)),
    read: shedCount,
  },
];

export const monotone: Property = {
  id: "monotone",
  what: "more of a resource, or less load, never makes it worse under the same seed",
  check: (isQuick) =>
    ladders.map(({ name, rungs, read }) => {
      let steps = 0;
      const falls: string[] = [];
      for (let seed = 31; seed <= (isQuick ? 33 : 50); seed++) {
        const values = rungs.map((rung) => read(rung, seed));
        for (let index = 1; index < values.length; index++) {
          steps++;
          const [before, after] = [values[index - 1] as number, values[index] as number];
          if (after < before) falls.push(`seed ${seed}, step ${index}: ${before} to ${after}`);
        }
      }
      return { name, holds: falls.length === 0, seen: falls[0] ?? `${steps} steps, none the other way` };
    }),
};
