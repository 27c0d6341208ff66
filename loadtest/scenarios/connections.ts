import { Pair } from "../processes/pair.ts";
import type { RowRule } from "../report/rows.ts";
import { formatNumber } from "../report/table.ts";
import { orderOfRound } from "../rounds.ts";
import { noteWrong, type RoundContext, type Scenario } from "./scenario.ts";

/*
 * How many connections a pool should hold: ours with the pool fixed at 1, 2, 5 and 20, to one instance and spread over
 * four, 256 calls in flight. One connection is the measure of the others. The latencies are of a closed loop: they say
 * how evenly calls are served, not what a caller with a schedule of its own would see.
 */

const connectionCounts = [1, 2, 5, 20] as const;
const instanceCounts = [1, 4] as const;
const inFlight = 256;
/** A pair is new for every measurement: at this rate its code is hot in less. */
const coldMs = 700;

const scenarioId = "connections";
const tail = "connections-p99";
const configurations = instanceCounts.flatMap((instances) =>
  connectionCounts.map((connections) => ({ instances, connections, name: nameOf(instances, connections) })),
);

export const connectionsScenario: Scenario = {
  id: scenarioId,
  needs: [],
  once: false,
  measure: async (context) => {
    for (const configuration of orderOfRound(configurations, context.round)) {
      await measureConfiguration(context, configuration);
    }
  },
  rules: configurations.flatMap(({ instances, connections, name }): RowRule[] => {
    const of = `${connections} connections to ${instances === 1 ? "one instance" : `each of ${instances} instances`}`;
    const shared = {
      ours: name,
      atLeast: null,
      ...(connections === 1 ? {} : { peer: nameOf(instances, 1), peerName: "1 connection" }),
    };
    return [
      { id: `connections/${name}`, what: of, series: scenarioId, unit: "calls/s", better: "more", ...shared },
      { id: `connections/${name}/p99`, what: `p99 with ${of}`, series: tail, unit: "ms", better: "less", ...shared },
    ];
  }),
  charts: [
    { series: scenarioId, title: "Calls per second by size of the pool", unit: "calls/s", better: "more" },
    { series: tail, title: "p99 by size of the pool, closed loop", unit: "ms", better: "less" },
  ],
};

/** "5" to one instance, "5-of-4" to each of four. */
function nameOf(instances: number, connections: number): string {
  return instances === 1 ? String(connections) : `${connections}-of-${instances}`;
}

/** Pairs live for one measurement: with all of them open at once, 20 connections would idle beside the one that is measured. */
async function measureConfiguration(
  context: RoundContext,
  { instances, connections, name }: (typeof configurations)[number],
): Promise<void> {
  const { crew, samples, round, profile } = context;
  try {
    const registered = `pool-${name}-round-${round}`;
    const pair = await Pair.start(crew, { contender: "weft", name: registered, connections, instances });
    try {
      await pair.load({ kind: "closed-loop", inFlight, warmUpMs: 0, measureMs: coldMs, latency: true });
      const result = await pair.load({ kind: "closed-loop", inFlight, ...profile.connections, latency: true });
      noteWrong(samples, scenarioId, name, result);
      noteWrong(samples, tail, name, result);
      samples.add(scenarioId, name, round, result.callsPerSecond);
      samples.add(tail, name, round, result.p99Ms);
      const figures = `${formatNumber(result.callsPerSecond)} calls/s, p99 ${formatNumber(result.p99Ms)} ms`;
      context.progress(`connections  ${name}: ${figures}`);
    } finally {
      await pair.stop();
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    samples.fail(scenarioId, name, reason);
    samples.fail(tail, name, reason);
    context.progress(`connections  ${name} failed: ${String(error)}`);
  }
}
