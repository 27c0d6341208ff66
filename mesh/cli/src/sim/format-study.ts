import { type Analysis, type Estimate, type Figure, groupAssumptions, type Study } from "@weft/simulator";
import colors from "../command-line/colors.ts";
import { formatTableToFit } from "../command-line/table.ts";
import { listed, ms, number, percent, seconds, sections } from "./format-figures.ts";

type Format = (value: number, digits?: number) => string;

/**
 * A study as a table for people: headline figures with their intervals, what was asked beside them, components, theory,
 * bottlenecks, warnings.
 */
export function formatStudy(study: Study, theory: Analysis, title: string, load: number, asked = ""): string {
  return sections(
    headline(study, title, load),
    headlineFigures(study),
    asked,
    componentTable(study),
    theoryTable(study, theory),
    listed("What theory leaves out", groupAssumptions(theory.assumptions)),
    listed(
      study.bottlenecks.every(({ reason }) => reason === "highest-demand")
        ? "No limit was hit; nearest to one"
        : "Bottlenecks",
      study.bottlenecks.map(({ message }) => message),
    ),
    listed("Warnings", study.warnings),
  );
}

/** What was run. */
export function headline(
  { replications, durationMs, warmupMs, warmupFrom, seed, events }: Study,
  title: string,
  load: number,
) {
  const runs = replications === 1 ? "single run" : `${replications} replications`;
  const warmup = warmupMs === 0 ? "no warm-up left out" : `the first ${seconds(warmupMs)} left out as warm-up`;
  return (
    `${colors.bold(title)}: ${runs} of ${seconds(durationMs)}, ${warmup} (${warmupFrom}), ` +
    `load ${load}, seed ${seed}, ${Math.round(events).toLocaleString("en-US")} events`
  );
}

function headlineFigures(study: Study): string {
  const { throughputPerSecond, goodputPerSecond, goodputRatio, errorRatio, latency } = study;
  const rate: Format = (value) => `${number(value)} /s`;
  const figures: readonly (readonly [string, Estimate, Format])[] = [
    ["goodput", goodputPerSecond, rate],
    ["in time", goodputRatio, percent],
    ["throughput", throughputPerSecond, rate],
    ["errors", errorRatio, percent],
    ["latency mean", latency.meanMs, ms],
    ["latency p50", latency.p50Ms, ms],
    ["latency p90", latency.p90Ms, ms],
    ["latency p95", latency.p95Ms, ms],
    ["latency p99", latency.p99Ms, ms],
    ["latency p99.9", latency.p999Ms, ms],
  ];
  const isSingle = study.replications === 1;
  return formatTableToFit(
    ["FIGURE", "VALUE", "95 % INTERVAL"],
    figures.map(([name, { value, low, high }, format]) => [
      name,
      format(value),
      isSingle ? "single run" : low === high ? "the same in every run" : `${format(low)} to ${format(high)}`,
    ]),
  );
}

function componentTable({ components, replications }: Study): string {
  const withError = ({ value, low, high }: Estimate, format: Format) =>
    replications === 1 || high === low ? format(value) : `${format(value)} ±${format((high - low) / 2, 2)}`;
  const rare = rareColumns.filter(([, estimateOf]) => components.some((component) => estimateOf(component).value > 0));
  return formatTableToFit(
    [
      ...["COMPONENT", "KIND", "INSTANCES", "USED", "REQUESTS/S", "ERRORS", "QUEUE", "MUST WAIT", "WAIT", "WAIT P99"],
      ...["P50", "P99"],
      ...rare.map(([heading]) => heading),
    ],
    components.map((component) => [
      component.id,
      component.kind,
      String(component.instances),
      component.kind === "client" ? "-" : withError(component.utilization, percent),
      withError(component.throughputPerSecond, number),
      withError(component.errorRatio, percent),
      component.kind === "client" ? "-" : withError(component.queueLengthMean, number),
      component.kind === "client" ? "-" : withError(component.waitProbability, percent),
      component.kind === "client" ? "-" : withError(component.waitMeanMs, ms),
      component.kind === "client" ? "-" : withError(component.waitP99Ms, ms),
      withError(component.latency.p50Ms, ms),
      withError(component.latency.p99Ms, ms),
      ...rare.map(([, estimateOf]) => withError(estimateOf(component), number)),
    ]),
  );
}

/** Shown only where some component has one: calls per second that were refused, and calls that wait to leave. */
const rareColumns: readonly (readonly [string, (component: Study["components"][number]) => Estimate])[] = [
  ["LIMITED/S", (component) => component.limitedPerSecond],
  ["REFUSED/S", (component) => component.refusedPerSecond],
  ["BACKLOG", (component) => component.backlogMean],
];

/** What queueing theory says of the same model; a tilde marks what its assumptions do not cover. */
function theoryTable(study: Study, theory: Analysis): string {
  const said = ({ value, valid }: Figure, format: Format) =>
    value === Number.POSITIVE_INFINITY ? "unstable" : `${valid ? "" : "~"}${format(value)}`;
  const limit = theory.limitingComponent === undefined ? "" : ` (${theory.limitingComponent})`;
  const rows: readonly (readonly [string, string, string])[] = [
    ["throughput", `${number(study.throughputPerSecond.value)} /s`, `${said(theory.throughputPerSecond, number)} /s`],
    ["latency mean", ms(study.latency.meanMs.value), said(theory.latencyMeanMs, ms)],
    ...theory.components
      .filter(({ utilization }) => utilization.value > 0)
      .map(({ id, utilization }): [string, string, string] => [
        `${id} used`,
        percent(study.components.find((one) => one.id === id)?.utilization.value ?? 0),
        said(utilization, percent),
      ]),
    [
      "highest load",
      "-",
      theory.maximumLoad.value === Number.POSITIVE_INFINITY
        ? "any"
        : `${said(theory.maximumLoad, number)} times this${limit}`,
    ],
  ];
  return formatTableToFit(
    ["FOR COMPARISON", "SIMULATED", "THEORY"],
    rows.map((row) => [...row]),
  );
}
