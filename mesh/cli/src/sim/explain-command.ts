import { askExplanation, defaultPoolSize, explainedVariants } from "@weft/simulator/studies";
import { defineCommand } from "citty";
import { CliError } from "../cli-error.ts";
import { repeatedOption } from "../command-line/options.ts";
import { applySetting } from "./apply-setting.ts";
import { assertAffordable, eventsOfStudy } from "./assert-affordable.ts";
import { formatExplanation } from "./format-explanation.ts";
import { withProgress } from "./progress.ts";
import { elasticityPricesFrom } from "./read-elasticity-prices.ts";
import { assertRunnable, readModelFile } from "./read-model.ts";
import { priceArgs } from "./read-prices.ts";
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

/** As people call them, and as the simulator does. */
const objectives = { mean: "meanMs", p99: "p99Ms", errors: "errorRatio", throughput: "throughputPerSecond" } as const;

export const simExplainCommand = defineCommand({
  meta: {
    name: "explain",
    description:
      "Say what limits an architecture and what to buy: every component a little faster, with one more instance, slot, core or " +
      "connection, each run under the same seeds; where slow requests spend their time; how far it is from an overload that " +
      "does not end. Example: weft sim explain shop.yaml --price checkout=0.12",
  },
  args: {
    file: { type: "positional", description: "The architecture; - reads standard input", required: true },
    objective: {
      type: "string",
      description: `What should improve: ${Object.keys(objectives).join(", ")}; errors when many fail, else the mean`,
      valueHint: "p99",
    },
    set: setArg,
    replications: replicationsArg,
    load: loadArg,
    price: priceArgs.price,
    prices: {
      type: "string",
      description:
        'JSON file of prices by component id: of an instance, or of each step as {"instance": 0.12, "speed": 5}',
      valueHint: "file",
    },
    ...studyArgs,
  },
  async run({ args, rawArgs }) {
    const format = formatFrom(args.format);
    const objective = objectiveFrom(args.objective);
    const plan = {
      ...timesFrom(args),
      load: numberFrom("--load", args.load, { above: 0 }),
      replications: replicationsFrom(args.replications),
      precision: undefined,
    };
    if (plan.replications < 2) throw new CliError("--replications is 1; differences need at least 2");
    await assertWritable(args.output);
    const { architecture: read, notes } = await readModelFile(args.file);
    const architecture = repeatedOption(rawArgs, ["--set"]).reduce(applySetting, read);
    assertRunnable(architecture, plan.load, { ...plan, warmupMs: plan.warmupMs ?? 0 });
    const prices = await elasticityPricesFrom(args.prices, repeatedOption(rawArgs, ["--price"]), architecture);
    const options = { prices, objective };
    const versions = 1 + explainedVariants(architecture, options).length;
    assertAffordable(versions * eventsOfStudy(architecture, plan), defaultPoolSize, plan);
    for (const note of notes) process.stderr.write(`note: ${note}\n`);

    const title = titleOf(args.file);
    const answer = await withProgress((onProgress) =>
      askExplanation({ name: title, architecture }, plan, options, { onProgress }),
    );
    await writeAnswer(format, answer, (explained) => formatExplanation(explained, title, plan.load), args.output);
  },
});

function objectiveFrom(text: string | undefined) {
  if (text === undefined) return undefined;
  const found = Object.entries(objectives).find(([name]) => name === text);
  if (found === undefined)
    throw new CliError(`--objective is "${text}"; it takes ${Object.keys(objectives).join(", ")}`);
  return found[1];
}
