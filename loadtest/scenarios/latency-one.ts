import { type ContenderId, contenderIds } from "../contenders/contender.ts";
import { formatNumber } from "../report/table.ts";
import { measureEach, noteWrong, type Scenario } from "./scenario.ts";

/*
 * What a caller waits for a lone call: one in flight, nothing to batch with, both processes asleep between calls. A closed
 * loop by nature: there is no arrival schedule that a slow answer could hide.
 */

const id = "latency-1";
const allPeers = contenderIds.filter((one) => one !== "weft");
const atLeast: Partial<Record<ContenderId, number>> = { "grpc-js": 2 };

export function createLatencyOne(peers: readonly ContenderId[] = allPeers): Scenario {
  const needs: readonly ContenderId[] = ["weft", ...peers];
  return {
    id,
    needs,
    once: false,
    measure: (context) =>
      measureEach(context, id, needs, async (pair) => {
        const { samples, round, profile } = context;
        const result = await pair.load({ kind: "closed-loop", inFlight: 1, ...profile.latency, latency: true });
        noteWrong(samples, id, pair.contender, result);
        samples.add(id, pair.contender, round, result.p50Ms);
        return `p50 ${formatNumber(result.p50Ms)} ms`;
      }),
    rules: peers.map((peer) => ({
      id: `${id}/${peer}`,
      what: "p50 of ValidateToken, one call at a time",
      series: id,
      unit: "ms",
      better: "less",
      ours: "weft",
      peer,
      atLeast: atLeast[peer] ?? null,
    })),
    charts: [{ series: id, title: "p50 of a lone call", unit: "ms", better: "less" }],
  };
}
