import type { ContenderId } from "../contenders/contender.ts";
import { formatNumber } from "../report/table.ts";
import { spreadOf } from "../rounds.ts";
import { measureEach, noteWrong, type Scenario } from "./scenario.ts";

/*
 * The tail under a load that is meant to be carried: p99 at half of the rate that each one reached at most, so that both
 * are half loaded rather than ours idle at what fills the peer. Arrivals follow a schedule, and a latency counts from
 * when its call was due.
 */

const id = "tail-half";
const rates = "unary-256";
const contenders: readonly ContenderId[] = ["weft", "grpc-js"];

export const tailHalf: Scenario = {
  id,
  needs: contenders,
  once: false,
  measure: (context) =>
    measureEach(context, id, contenders, async (pair) => {
      const { samples, round, profile } = context;
      const most = spreadOf(samples.values(rates, pair.contender))?.median;
      if (most === undefined) {
        throw new Error(`there is no maximum rate: ${rates} comes first`);
      }
      const callsPerSecond = most / 2;
      const result = await pair.load({ kind: "open-loop", callsPerSecond, ...profile.tail });
      noteWrong(samples, id, pair.contender, result);
      samples.add(id, pair.contender, round, result.p99Ms);
      return `p99 ${formatNumber(result.p99Ms)} ms at ${formatNumber(callsPerSecond)} calls/s`;
    }),
  rules: [
    {
      id: `${id}/grpc-js`,
      what: "p99 of ValidateToken at half of each one's own maximum rate, open loop, counted from when a call was due",
      series: id,
      unit: "ms",
      better: "less",
      ours: "weft",
      peer: "grpc-js",
      atLeast: 2,
    },
  ],
  charts: [{ series: id, title: "p99 at half of the own maximum rate", unit: "ms", better: "less" }],
};
