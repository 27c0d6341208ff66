import type { Architecture } from "@weft/project/architecture";
import { parseSweep } from "@weft/simulator";
import {
  askSweep,
  defaultPoolSize,
  StudyError,
  type StudyPlan,
  type SweptPoint,
  sweptPoints,
} from "@weft/simulator/studies";
import { defineCommand } from "citty";
import { CliError } from "../cli-error.ts";
import { repeatedOption } from "../command-line/options.ts";
import { applySetting } from "./apply-setting.ts";
import { assertAffordable, eventsOfStudy } from "./assert-affordable.ts";
import { formatSweep } from "./format-sweep.ts";
import { objectiveArg, objectivesFrom } from "./objectives-from.ts";
import { withProgress } from "./progress.ts";
import { assertRunnable, readModelFile } from "./read-model.ts";
import { priceArgs, pricesFrom } from "./read-prices.ts";
import {
  assertWritable,
  formatFrom,
  loadArg,
  numberFrom,
  orCliError,
  replicationsArg,
  replicationsFrom,
  setArg,
  studyArgs,
  timesFrom,
  titleOf,
  writeAnswer,
} from "./study-options.ts";

export const simSweepCommand = defineCommand({
  meta: {
    name: "sweep",
    description:
      "Simulate one setting at several values under the same seeds, and show what each step changes. " +
      "Examples: weft sim sweep shop.yaml --vary checkout.instances=1..8 --objective 'p99<200ms'; --vary load=0.5..2:0.25",
  },
  args: {
    file: { type: "positional", description: "The architecture; - reads standard input", required: true },
    vary: {
      type: "string",
      description: "What to vary: a setting as for --set, or load; a range, a range with a step, or a list",
      valueHint: "component.field=1..8",
      required: true,
    },
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
    const given = repeatedOption(rawArgs, ["--vary"]);
    if (given.length > 1) throw new CliError(`--vary is given ${given.length} times; one setting is varied at a time`);
    const { target, values } = orCliError(() => parseSweep(args.vary));
    const plan = {
      ...timesFrom(args),
      load: numberFrom("--load", args.load, { above: 0 }),
      replications: replicationsFrom(args.replications),
      precision: undefined,
    };
    await assertWritable(args.output);
    const { architecture: read, notes } = await readModelFile(args.file);
    const architecture = repeatedOption(rawArgs, ["--set"]).reduce(applySetting, read);
    const points = pointsOf(target, values, architecture, plan);
    for (const point of points) {
      assertRunnable(point.architecture, point.plan.load, { ...point.plan, warmupMs: plan.warmupMs ?? 0 });
    }
    const prices = await pricesFrom(args.prices, repeatedOption(rawArgs, ["--price"]), [architecture]);
    const events = points.reduce((sum, point) => sum + eventsOfStudy(point.architecture, point.plan), 0);
    assertAffordable(events, defaultPoolSize, plan);
    for (const note of notes) process.stderr.write(`note: ${note}\n`);

    const title = titleOf(args.file);
    const answer = await withProgress((onProgress) =>
      askSweep({ target, points, title }, { prices, objectives }, { onProgress }),
    );
    await writeAnswer(format, answer, () => formatSweep(answer.sweep, title), args.output);
  },
});

/** Throws CliError for a value that is not allowed. */
function pointsOf(
  target: string,
  values: readonly string[],
  architecture: Architecture,
  plan: StudyPlan,
): SweptPoint[] {
  try {
    return sweptPoints(target, values, architecture, plan);
  } catch (error) {
    if (!(error instanceof StudyError)) throw error;
    const next = error.next === undefined ? {} : { next: error.next };
    throw new CliError(`--vary ${error.message}`, { ...next, cause: error });
  }
}
