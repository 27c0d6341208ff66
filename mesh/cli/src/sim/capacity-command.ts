import { askCapacity, defaultPoolSize, likelyLoad, studyDefaults, usualLoads } from "@weft/simulator/studies";
import { defineCommand } from "citty";
import { CliError } from "../cli-error.ts";
import { repeatedOption } from "../command-line/options.ts";
import { applySetting } from "./apply-setting.ts";
import { assertAffordable, eventsOfStudy } from "./assert-affordable.ts";
import { formatCapacity } from "./format-capacity.ts";
import { objectiveArg, objectivesFrom } from "./objectives-from.ts";
import { withProgress } from "./progress.ts";
import { assertRunnable, readModelFile } from "./read-model.ts";
import {
  assertWritable,
  formatFrom,
  numberFrom,
  setArg,
  studyArgs,
  timesFrom,
  titleOf,
  wholeFrom,
  writeAnswer,
} from "./study-options.ts";

const fewestReplications = 10;

export const simCapacityCommand = defineCommand({
  meta: {
    name: "capacity",
    description:
      "Find the largest load that meets objectives, each with 95 % confidence: --objective 'p99<200ms'. Shows how likely a run " +
      "misses them, and collapses, at every load that was tried. " +
      "Example: weft sim capacity shop.yaml --objective 'p99<200ms' --objective 'errors<1%'",
  },
  args: {
    file: { type: "positional", description: "The architecture; - reads standard input", required: true },
    objective: { ...objectiveArg, required: true },
    set: setArg,
    precision: {
      type: "string",
      description: "How near the ends of the answer should be, as a share",
      default: String(studyDefaults.relativePrecision),
    },
    replications: {
      type: "string",
      description: `Most of them at one load; begins with ${fewestReplications}`,
      default: String(studyDefaults.replicationsPerLoad),
    },
    load: { type: "string", description: "Where to begin; near what theory says when absent", valueHint: "1" },
    "up-to": { type: "string", description: "The highest load to try", default: String(studyDefaults.highestLoad) },
    ...studyArgs,
  },
  async run({ args, rawArgs }) {
    const format = formatFrom(args.format);
    const objectives = objectivesFrom(rawArgs);
    const times = timesFrom(args);
    const relativePrecision = numberFrom("--precision", args.precision, { above: 0, below: 1 });
    const maximumReplications = wholeFrom("--replications", args.replications, fewestReplications, 10_000);
    const highestLoad = numberFrom("--up-to", args["up-to"], { above: 0 });
    const given = args.load === undefined ? undefined : numberFrom("--load", args.load, { above: 0 });
    if (given !== undefined && given > highestLoad) {
      throw new CliError(`--load is ${given}, above --up-to ${highestLoad}`);
    }
    await assertWritable(args.output);
    const { architecture: read, notes } = await readModelFile(args.file);
    const architecture = repeatedOption(rawArgs, ["--set"]).reduce(applySetting, read);
    assertRunnable(architecture, given ?? 1, { ...times, warmupMs: times.warmupMs ?? 0 });
    const startLoad = given ?? likelyLoad(architecture, highestLoad);
    const plan = { ...times, load: startLoad, replications: maximumReplications, precision: undefined };
    assertAffordable(usualLoads * eventsOfStudy(architecture, plan), defaultPoolSize, plan);
    for (const note of notes) process.stderr.write(`note: ${note}\n`);

    const title = titleOf(args.file);
    const question = {
      objectives,
      highestLoad,
      relativePrecision,
      assertAffordable: (...[version, at]: Parameters<typeof eventsOfStudy>) =>
        assertAffordable(eventsOfStudy(version, at), defaultPoolSize, at),
    };
    const answer = await withProgress((onProgress) =>
      askCapacity({ name: title, architecture }, plan, question, { onProgress }),
    );
    const table = () => formatCapacity(answer.answer, answer.sentence, title);
    await writeAnswer(format, answer, table, args.output);
  },
});
