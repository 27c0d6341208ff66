import { readFile } from "node:fs/promises";
import {
  CalibrationError,
  findingsOfScalability,
  fitScalability,
  readLoadTest,
  type ScalabilityFit,
} from "@weft/simulator";
import { renderScalabilityPage } from "@weft/simulator/report";
import { defineCommand } from "citty";
import { CliError, describeError } from "../cli-error.ts";
import { commonArgs } from "../command-line/options.ts";
import { formatScalability } from "./format-scalability.ts";
import { assertWritable, type Format, formatFrom, formats, numberFrom, titleOf, writeResult } from "./study-options.ts";

export const simScalabilityCommand = defineCommand({
  meta: {
    name: "scalability",
    description:
      "Fit the Universal Scalability Law to a load test and say where throughput peaks, with 95 % intervals. Takes a CSV with " +
      "the columns load and throughput; needs no mesh and no architecture. Example: weft sim scalability load-test.csv --at 200",
  },
  args: {
    file: { type: "positional", description: "The measurements as CSV", required: true },
    at: { type: "string", description: "Loads to predict; beyond the measured ones when absent", valueHint: "100,200" },
    format: { type: "string", description: formats.join(", "), default: "table" },
    output: { type: "string", description: "Write there instead of to standard output", valueHint: "file" },
    ...commonArgs,
  },
  async run({ args }) {
    const format = formatFrom(args.format);
    const given = args.at?.split(",").map((text) => numberFrom("--at", text, { above: 0, below: 1e12 }));
    await assertWritable(args.output);
    const fit = await fitOf(args.file);
    const predictions = (given ?? loadsBeyond(fit)).map(fit.predict);
    const findings = findingsOfScalability(fit, predictions);
    const { predict: _, ...result } = fit;
    const shown = { ...result, predictions, findings };
    const title = titleOf(args.file);
    const render: Readonly<Record<Format, () => string>> = {
      table: () => formatScalability(shown),
      json: () => `${JSON.stringify(shown, null, 2)}\n`,
      html: () => renderScalabilityPage(fit, predictions, { title, findings }),
    };
    await writeResult(render[format](), args.output);
  },
});

async function fitOf(file: string): Promise<ScalabilityFit> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${describeError(error)}`, { cause: error });
  }
  try {
    return fitScalability(readLoadTest(text, file));
  } catch (error) {
    if (error instanceof CalibrationError) throw new CliError(error.message, { cause: error });
    throw error;
  }
}

/** What a load test is asked for most: the peak, and half as much again and twice what was tried. */
function loadsBeyond({ peak, highestLoad }: ScalabilityFit): number[] {
  const loads = [highestLoad * 1.5, highestLoad * 2];
  return peak === undefined ? loads : [peak.load.value, ...loads].toSorted((a, b) => a - b);
}
