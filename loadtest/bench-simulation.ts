import { picturesFrom } from "./report/results.ts";
import { type Row, rowFrom } from "./report/rows.ts";
import { Samples } from "./rounds.ts";
import { runScript } from "./script.ts";
import { fullModelRules, measureFullModel } from "./simulation/measure-full-model.ts";
import { heapRules, measureHeap } from "./simulation/measure-heap.ts";
import { measureMmOne } from "./simulation/measure-mm1.ts";
import { type Measuring, simulationProfiles } from "./simulation/measuring.ts";

/*
 * npm run bench:simulation: how fast the simulator is, beside the least that any could do per event, beside SimPy, and
 * beside C; and whether it holds still in memory. Rounds are interleaved, as everywhere: a ratio is of two measurements
 * that are a second apart. The aims are those of the project and not what was reached; a row that misses one says so.
 */

const charts = [
  { series: "events", title: "Events per second, full model", unit: "events/s", better: "more" },
  { series: "mm1", title: "Customers per second, M/M/1", unit: "customers/s", better: "more" },
  { series: "heap", title: "Live heap in an overload", unit: "MiB", better: "less" },
] as const;
const labels: Readonly<Record<string, string>> = {
  hold: "bare event loop",
  "hold-random": "bare loop, small",
  simpy: "SimPy",
  c: "C",
};

await runScript({
  name: "bench:simulation",
  title: "The simulator",
  what: "Measures the simulator beside a bare event loop, SimPy and C, and its memory in an overload.",
  suffix: "-simulation",
  async measure(args, progress) {
    const profile = args.quick ? simulationProfiles.quick : simulationProfiles.full;
    const isAsked = (id: string) => args.only.length === 0 || args.only.some((part) => id.includes(part));
    const samples = new Samples();
    const measuring: Measuring = { samples, profile, progress };
    const notes: string[] = [`profile "${profile.name}", ${profile.rounds} rounds`];
    const rows: Row[] = [];
    if (isAsked("full-model")) {
      notes.push(measureFullModel(measuring));
      rows.push(...fullModelRules.map((rule) => rowFrom(rule, samples)));
    }
    if (isAsked("mm1")) {
      rows.push(...(await measureMmOne(measuring)).map((rule) => rowFrom(rule, samples)));
    }
    if (isAsked("overload-heap")) {
      notes.push(measureHeap(measuring));
      rows.push(...heapRules(profile.minutes).map((rule) => rowFrom(rule, samples)));
    }
    return { rows, pictures: picturesFrom(charts, samples, (who) => labels[who] ?? who), notes };
  },
});
