import { askRun, defaultPoolSize, type RunAnswer, studyDefaults } from "@weft/simulator/studies";
import { defineCommand } from "citty";
import { repeatedOption } from "../command-line/options.ts";
import { applySetting } from "./apply-setting.ts";
import { assertAffordable, eventsOfStudy } from "./assert-affordable.ts";
import { formatAsked } from "./format-asked.ts";
import { formatStudy } from "./format-study.ts";
import { objectiveArg, objectivesFrom } from "./objectives-from.ts";
import { withProgress } from "./progress.ts";
import { assertRunnable, readModelFile } from "./read-model.ts";
import { priceArgs, pricesFrom } from "./read-prices.ts";
import { replayTraces } from "./replay-traces.ts";
import {
  assertWritable,
  formatFrom,
  loadArg,
  numberFrom,
  replicationsArg,
  replicationsFrom,
  setArg,
  studyArgs,
  timesFrom,
  titleOf,
  writeAnswer,
} from "./study-options.ts";

export const simRunCommand = defineCommand({
  meta: {
    name: "run",
    description:
      "Simulate an architecture file (weft, compose or Kubernetes; - is standard input) in several replications, and show " +
      "throughput, latency and bottlenecks with 95 % intervals. The same seed gives the same answer. Needs no mesh. " +
      "Example: weft sim run shop.yaml --load 1.5 --set checkout.instances=4",
  },
  args: {
    file: { type: "positional", description: "The architecture; - reads standard input", required: true },
    set: setArg,
    replay: {
      type: "string",
      description:
        "Arrivals from a CSV file with timestamps instead of a workload's own; with a column class, of the workloads of those names",
      valueHint: "[workload=]trace.csv",
    },
    replications: replicationsArg,
    load: loadArg,
    objective: objectiveArg,
    ...priceArgs,
    precision: {
      type: "string",
      description: `Stop when the p99 is known this well; then --replications is the most (default ${studyDefaults.replicationsForPrecision})`,
      valueHint: "0.05",
    },
    ...studyArgs,
  },
  async run({ args, rawArgs }) {
    const format = formatFrom(args.format);
    const objectives = objectivesFrom(rawArgs);
    const precision =
      args.precision === undefined ? undefined : numberFrom("--precision", args.precision, { above: 0, below: 1 });
    const plan = {
      ...timesFrom(args),
      load: numberFrom("--load", args.load, { above: 0 }),
      replications: replicationsFrom(
        args.replications,
        precision === undefined ? undefined : studyDefaults.replicationsForPrecision,
      ),
      precision,
    };
    await assertWritable(args.output);
    const { architecture: read, notes } = await readModelFile(args.file);
    const set = repeatedOption(rawArgs, ["--set"]).reduce(applySetting, read);
    const replays = await replayTraces(set, repeatedOption(rawArgs, ["--replay"]), plan.durationMs);
    const { architecture } = replays;
    assertRunnable(architecture, plan.load, { ...plan, warmupMs: plan.warmupMs ?? 0 });
    const prices = await pricesFrom(args.prices, repeatedOption(rawArgs, ["--price"]), [architecture]);
    assertAffordable(eventsOfStudy(architecture, plan), defaultPoolSize, plan);
    for (const note of [...notes, ...replays.notes]) process.stderr.write(`note: ${note}\n`);

    const title = titleOf(args.file);
    const answer = await withProgress((onProgress) =>
      askRun({ name: title, architecture }, plan, { objectives, prices }, { onProgress }),
    );
    await writeAnswer(format, answer, table(title, plan.load), args.output);
  },
});

function table(title: string, load: number): (answer: RunAnswer) => string {
  return ({ study, theory, ...asked }) =>
    formatStudy(study, theory, title, load, formatAsked(asked, study.replications));
}
