import { startSystem } from "./processes/system.ts";
import { picturesFrom } from "./report/results.ts";
import { type RowRule, rowFrom } from "./report/rows.ts";
import { formatNumber } from "./report/table.ts";
import { Samples } from "./rounds.ts";
import { runScript } from "./script.ts";
import { type FrameFigures, measureFrames, Reference } from "./stream/measure-frames.ts";
import { measureOneEach } from "./stream/one-each.ts";
import { startSimulation } from "./stream/running-simulation.ts";
import { openViewer, type Viewer } from "./stream/viewer.ts";

/*
 * npm run bench:stream: what viewers see of a running simulation, from the engine's clock to their socket: the run's thread,
 * the simulation service, Redis, the gateway, 50 WebSocket clients. Beside it, in the same rounds, the same frames as JSON,
 * and what frames are instead of: every message by itself over `ws`, to a tenth of the viewers and for a bounded time,
 * since nobody keeps up with that for long. What is asked for is the project's: 100 000 simulated messages a second, under 16 ms.
 */

const viewerCount = 50;
const asked = { messagesPerSecond: 100_000, p99Ms: 16 } as const;
const oneEach = { viewers: viewerCount / 10, messagesPerSecond: 100_000, mostBufferedBytes: 32 * 2 ** 20 } as const;
const warmUpSeconds = 2;
const profiles = {
  full: { rounds: 3, seconds: 8, oneEachSeconds: 3 },
  quick: { rounds: 1, seconds: 4, oneEachSeconds: 2 },
} as const;

const shared = { ours: "binary", unit: "ms", better: "less", atLeast: null } as const;
const viewing = `from the engine's clock to each of ${viewerCount} viewers`;
const rules: readonly RowRule[] = [
  { ...shared, id: "stream/p99", what: `p99 ${viewing}`, series: "p99", peer: "asked", peerName: "asked", atLeast: 1 },
  {
    id: "stream/messages",
    what: "simulated messages shown to each viewer a second, as aggregates in frames",
    ...{ series: "messages", ours: "binary", peer: "asked", unit: "messages/s", better: "more", atLeast: 1 },
  },
  { ...shared, id: "stream/json/p50", what: `p50 ${viewing}, beside JSON`, series: "p50", peer: "json" },
  { ...shared, id: "stream/json/p99", what: `p99 ${viewing}, beside JSON`, series: "p99", peer: "json" },
  {
    ...shared,
    id: "stream/json/bytes",
    what: "bytes of a frame, beside JSON",
    series: "bytes",
    peer: "json",
    unit: "B",
  },
  {
    ...{ ...shared, id: "stream/one-each/p99", series: "p99", peer: "one-each", peerName: "one message each" },
    what: `p99 ${viewing}, beside single messages over ws to ${oneEach.viewers} viewers`,
  },
];

await runScript({
  name: "bench:stream",
  title: "Live frames",
  what: "Starts the whole system and watches a simulation of 100 000 messages a second with 50 WebSocket viewers.",
  suffix: "-stream",
  async measure(args, progress) {
    const { rounds, seconds, oneEachSeconds } = args.quick ? profiles.quick : profiles.full;
    const samples = new Samples();
    const notes: string[] = [];
    const say = (line: string): void => {
      notes.push(line);
      progress(line);
    };
    progress("starting the system");
    const system = await startSystem();
    const endOnSignal = (): void => void system.stop().finally(() => process.exit(130));
    process.once("SIGINT", endOnSignal);
    process.once("SIGTERM", endOnSignal);
    const viewers: Viewer[] = [];
    try {
      const simulation = await startSimulation(system.address);
      for (let viewer = 0; viewer <= viewerCount; viewer += 1) {
        const token = simulation.tokens[viewer % simulation.tokens.length] as string;
        viewers.push(await openViewer(system.address, token, simulation.id));
      }
      const [beside, ...watching] = viewers as [Viewer, ...Viewer[]];
      const reference = new Reference(beside);
      await beside.subscribe("binary");
      // Whatever is cold in six processes is so once, and is not what is asked here.
      for (const encoding of ["binary", "json"] as const) {
        await measureFrames(watching, reference, { encoding, seconds: warmUpSeconds });
      }
      for (let round = 0; round < rounds; round += 1) {
        for (const encoding of round % 2 === 0 ? (["binary", "json"] as const) : (["json", "binary"] as const)) {
          const figures = await measureFrames(watching, reference, { encoding, seconds });
          record(samples, encoding, round, figures);
          say(`round ${round + 1}/${rounds}  ${encoding}: ${describe(figures)}`);
        }
        samples.add("p99", "asked", round, asked.p99Ms);
        samples.add("messages", "asked", round, asked.messagesPerSecond);
        const each = await measureOneEach({ ...oneEach, seconds: oneEachSeconds });
        samples.add("p99", "one-each", round, each.p99Ms);
        const share = `${(100 * each.deliveredShare).toFixed(0)} % arrived in time`;
        say(`round ${round + 1}/${rounds}  one message each: ${latenciesOf(each)}, ${share}`);
      }
      await simulation.stop();
    } finally {
      for (const viewer of viewers) {
        viewer.close();
      }
      process.off("SIGINT", endOnSignal);
      process.off("SIGTERM", endOnSignal);
      await system.stop();
    }
    return {
      rows: rules.map((rule) => rowFrom(rule, samples)),
      pictures: picturesFrom(
        [{ series: "p99", title: "p99 to a viewer", unit: "ms", better: "less" }],
        samples,
        (who) => who,
      ),
      notes: [
        ...notes,
        "a message is a simulated request that crossed a link; frames carry them as rates of components, none by itself",
        "everything runs on one machine: services, stores, the run and all viewers; the network between hosts is not included",
      ],
    };
  },
});

function record(samples: Samples, who: string, round: number, figures: FrameFigures): void {
  samples.add("p50", who, round, figures.p50Ms);
  samples.add("p99", who, round, figures.p99Ms);
  samples.add("bytes", who, round, figures.bytesPerFrame);
  samples.add("messages", who, round, figures.messagesPerSecond);
}

function describe(figures: FrameFigures): string {
  const { framesPerSecond, frames, lost, bytesPerFrame, messagesPerSecond } = figures;
  return [
    latenciesOf(figures),
    `${framesPerSecond.toFixed(1)} frames/s of ${bytesPerFrame.toFixed(0)} B each`,
    `${lost} of ${frames} frames lost`,
    `${formatNumber(messagesPerSecond)} messages/s`,
  ].join(", ");
}

function latenciesOf({ p50Ms, p99Ms, maxMs }: { p50Ms: number; p99Ms: number; maxMs: number }): string {
  return `p50 ${p50Ms.toFixed(2)}, p99 ${p99Ms.toFixed(2)}, max ${maxMs.toFixed(2)} ms`;
}
