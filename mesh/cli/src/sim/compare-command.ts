import type { Architecture } from "@weft/project/architecture";
import { askComparison, defaultPoolSize } from "@weft/simulator/studies";
import { defineCommand } from "citty";
import { CliError } from "../cli-error.ts";
import { repeatedOption } from "../command-line/options.ts";
import { applySetting } from "./apply-setting.ts";
import { assertAffordable, eventsOfStudy } from "./assert-affordable.ts";
import { formatComparison } from "./format-comparison.ts";
import { objectiveArg, objectivesFrom } from "./objectives-from.ts";
import { withProgress } from "./progress.ts";
import { assertRunnable, readModelFile } from "./read-model.ts";
import { priceArgs, pricesFrom } from "./read-prices.ts";
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

export const simCompareCommand = defineCommand({
  meta: {
    name: "compare",
    description:
      "Compare two versions of an architecture under the same seeds: paired differences of throughput, errors, latency and " +
      "components with 95 % intervals. --set changes the second version; without a second file it is the first one, changed. " +
      "Example: weft sim compare shop.yaml --set checkout.instances=4 --price checkout=0.12",
  },
  args: {
    before: { type: "positional", description: "The first version; - reads standard input", required: true },
    after: { type: "positional", description: "The second version", required: false },
    set: setArg,
    replications: replicationsArg,
    load: loadArg,
    objective: objectiveArg,
    ...priceArgs,
    ...studyArgs,
  },
  async run({ args, rawArgs }) {
    const format = formatFrom(args.format);
    const objectives = objectivesFrom(rawArgs);
    const plan = {
      ...timesFrom(args),
      load: numberFrom("--load", args.load, { above: 0 }),
      replications: replicationsFrom(args.replications),
      precision: undefined,
    };
    await assertWritable(args.output);
    const [before, after] = await readVersions(args.before, args.after, repeatedOption(rawArgs, ["--set"]));
    for (const { architecture } of [before, after]) {
      assertRunnable(architecture, plan.load, { ...plan, warmupMs: plan.warmupMs ?? 0 });
    }
    const prices = await pricesFrom(args.prices, repeatedOption(rawArgs, ["--price"]), [
      before.architecture,
      after.architecture,
    ]);
    const events = eventsOfStudy(before.architecture, plan) + eventsOfStudy(after.architecture, plan);
    assertAffordable(events, defaultPoolSize, plan);
    for (const note of new Set([...before.notes, ...after.notes])) process.stderr.write(`note: ${note}\n`);

    const answer = await withProgress((onProgress) =>
      askComparison([before, after], plan, { prices, objectives }, { onProgress }),
    );
    const table = () => formatComparison(answer.comparison, answer.after, plan.load);
    await writeAnswer(format, answer, table, args.output);
  },
});

type Pair<T> = readonly [T, T];

interface Read {
  readonly name: string;
  readonly architecture: Architecture;
  readonly notes: readonly string[];
}

async function readVersions(
  first: string,
  second: string | undefined,
  settings: readonly string[],
): Promise<Pair<Read>> {
  if (second === undefined && settings.length === 0) {
    throw new CliError("there is one version, and nothing to compare it with", {
      next: "give a second file, or change the first one with --set component.field=value",
    });
  }
  const before = { ...(await readModelFile(first)), name: titleOf(first) };
  const read = second === undefined ? before : { ...(await readModelFile(second)), name: titleOf(second) };
  const changed = [...(second === undefined ? [] : [read.name]), ...settings].join(", ");
  const name = changed === before.name ? `${changed} (second)` : changed;
  return [before, { ...read, architecture: settings.reduce(applySetting, read.architecture), name }];
}
