import type { ContenderId } from "../contenders/contender.ts";
import { formatNumber } from "../report/table.ts";
import { measureEach, noteWrong, type Scenario } from "./scenario.ts";

/*
 * What a call weighs while it waits: heap of both processes with calls that the server holds, less the heap before,
 * each after a full collection.
 */

const id = "heap-per-1000-in-flight";
const contenders: readonly ContenderId[] = ["weft", "grpc-js"];
/** Few enough that no server refuses them, ours sheds load; the figure is per thousand. */
const calls = 400;

export const heapInFlight: Scenario = {
  id,
  needs: contenders,
  once: true,
  measure: (context) =>
    measureEach(context, id, contenders, async (pair) => {
      const before = await pair.heapBytes();
      let during: number;
      try {
        await pair.hold(calls);
        during = await pair.heapBytes();
      } finally {
        noteWrong(context.samples, id, pair.contender, await pair.letGo());
      }
      const kibibytes = ((during - before) / 1024 / calls) * 1000;
      context.samples.add(id, pair.contender, context.round, kibibytes);
      return `${formatNumber(kibibytes)} KiB`;
    }),
  rules: [
    {
      id: `${id}/grpc-js`,
      what: `live heap of both sides per 1000 calls in flight, measured with ${calls}`,
      series: id,
      unit: "KiB",
      better: "less",
      ours: "weft",
      peer: "grpc-js",
      atLeast: null,
    },
  ],
  charts: [{ series: id, title: "Live heap for 1000 calls in flight", unit: "KiB", better: "less" }],
};
