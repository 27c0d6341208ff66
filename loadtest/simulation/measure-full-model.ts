import type { RowRule } from "../report/rows.ts";
import { formatNumber } from "../report/table.ts";
import { orderOfRound } from "../rounds.ts";
import { fullModel, measureEngine, pendingEvents } from "./full-model.ts";
import { measureHold } from "./hold-kernel.ts";
import { latest, type Measuring, ours } from "./measuring.ts";

/* The full model through the engine, beside a loop that does nothing but take events and put them back. */

/** 10 000 requests per second. */
const scale = 5;

export const fullModelRules: readonly RowRule[] = [
  {
    ...{ id: "full-model/events", what: "events per second of the full model", series: "events", unit: "events/s" },
    ...{ better: "more", ours, peer: "hold", peerName: "bare event loop", atLeast: 0.6 },
  },
  {
    ...{
      id: "full-model/events-of-heap",
      series: "events",
      unit: "events/s",
      better: "more",
      ours,
      peer: "hold-random",
    },
    what: "the same beside a bare loop of only those events that wait in the engine's heap, not in its lanes",
    ...{ peerName: "bare loop, small", atLeast: null },
  },
  {
    ...{ id: "full-model/requests", what: "requests per second of the full model", series: "requests" },
    ...{ unit: "requests/s", better: "more", ours, atLeast: null },
  },
];

/** Gives a note of what the two had in common. */
export function measureFullModel({ samples, profile, progress }: Measuring): string {
  const { rounds, measureMs } = profile;
  const architecture = fullModel(scale);
  // The first run makes the code hot, and says how many events are pending.
  const { results } = measureEngine(architecture, measureMs, 1);
  const pending = pendingEvents(architecture, results);
  measureHold(pending.all, measureMs, 1);
  const measurements = {
    [ours]: (round: number) => {
      const { eventsPerSecond, requestsPerSecond } = measureEngine(architecture, measureMs, round + 2);
      samples.add("requests", ours, round, requestsPerSecond);
      return eventsPerSecond;
    },
    hold: (round: number) => measureHold(pending.all, measureMs, round + 2),
    "hold-random": (round: number) => measureHold(pending.random, measureMs, round + 2),
  };
  for (let round = 0; round < rounds; round++) {
    for (const [who, measure] of orderOfRound(Object.entries(measurements), round)) {
      samples.add("events", who, round, measure(round));
    }
    progress(
      `round ${round + 1}/${rounds}  full model: ${latest(samples, "events", Object.keys(measurements))} events/s`,
    );
  }
  const busy = results.components.filter(({ kind }) => kind !== "client");
  const utilizations = busy.map(({ id, utilization }) => `${id} ${(utilization * 100).toFixed(0)} %`);
  const counts = `${formatNumber(pending.all)} events pending, ${formatNumber(pending.random)} of them in the heap`;
  return `the full model has ${counts}, and so have the bare loops; busy: ${utilizations.join(", ")}`;
}
