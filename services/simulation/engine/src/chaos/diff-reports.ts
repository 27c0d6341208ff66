/**
 * What changed between two results of game days: the settings that differ, and the figures.
 *
 * A difference of two chances is judged by Newcombe's interval (1998, method 10), which is made of the Wilson intervals of both. Any other
 * figure has changed when its two 95 % intervals lie apart: stricter than a test of the difference, and right also for results that did
 * not run under the same seeds.
 */
import type { Estimate } from "../replications/study.ts";
import type { UnitName } from "../report/format.ts";
import { type ChaosReport, verdictNames } from "./experiment.ts";
import type { GameDay } from "./game-day.ts";

/** What `weft sim chaos --format json` writes. */
export interface ChaosRecord extends ChaosReport {
  readonly gameDay: GameDay;
}

export interface ReportChange {
  readonly label: string;
  readonly unit: UnitName;
  /** Absent where one of the results has none. */
  readonly before?: Estimate;
  readonly after?: Estimate;
  readonly change: "better" | "worse" | "unclear" | "same";
}

export interface ReportDifference {
  readonly before: string;
  readonly after: string;
  /** Fields of the game days that differ, with both values as JSON, "" for none. */
  readonly settings: readonly { readonly field: string; readonly before: string; readonly after: string }[];
  readonly figures: readonly ReportChange[];
}

const labels = {
  not_disturbed: "P(not disturbed)",
  recovered: "P(recovered)",
  degraded: "P(degraded)",
  metastable: "P(metastable)",
} as const;
const good: readonly string[] = ["not_disturbed", "recovered"];

/** Pure. */
export function diffReports(before: ChaosRecord, after: ChaosRecord): ReportDifference {
  const chance = (
    label: string,
    of: (report: ChaosReport) => Estimate | undefined,
    better: "lower" | "higher" = "lower",
  ) => changeOf(label, "share", of(before), of(after), better, newcombe);
  const figure = (
    label: string,
    unit: UnitName,
    of: (report: ChaosReport) => Estimate | undefined,
    better: "lower" | "higher" = "lower",
  ) => changeOf(label, unit, of(before), of(after), better, apart);
  const figures = before.figures.map(({ name, label, unit }) => {
    const find = (report: ChaosReport) => {
      const found = report.figures.find((one) => one.name === name);
      return found === undefined || found.pairs === 0 ? undefined : found.after;
    };
    return figure(label, unit, find, name === "throughput" ? "higher" : "lower");
  });
  const objectives = new Set([...before.hypotheses, ...after.hypotheses].map(({ objective }) => objective));
  return {
    before: before.gameDay.name,
    after: after.gameDay.name,
    settings: settingChanges(before.gameDay, after.gameDay),
    figures: [
      ...verdictNames.map((name) =>
        chance(
          labels[name],
          ({ verdicts }) => verdicts.find(({ verdict }) => verdict === name)?.probability,
          good.includes(name) ? "higher" : "lower",
        ),
      ),
      chance("P(aborted)", ({ aborted }) => aborted),
      figure("time to recover, median", "ms", ({ timeToRecoverMs }) => timeToRecoverMs),
      figure("good answers lost", "count", ({ goodputLost }) => goodputLost),
      ...[...objectives].map((text) =>
        chance(
          `a run misses ${text}`,
          ({ hypotheses }) => hypotheses.find(({ objective }) => objective === text)?.missed,
        ),
      ),
      ...figures,
      figure("worst error ratio", "share", ({ worst }) => worst.errorRatio),
      figure("worst p99", "ms", ({ worst }) => worst.p99Ms),
    ],
  };
}

function changeOf(
  label: string,
  unit: UnitName,
  before: Estimate | undefined,
  after: Estimate | undefined,
  better: "lower" | "higher",
  direction: (before: Estimate, after: Estimate) => number,
): ReportChange {
  const known = { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
  if (before === undefined || after === undefined) return { label, unit, ...known, change: "unclear" };
  const isSame = before.value === after.value && before.low === after.low && before.high === after.high;
  const way = direction(before, after);
  const change = isSame ? "same" : way === 0 ? "unclear" : way < 0 === (better === "lower") ? "better" : "worse";
  return { label, unit, ...known, change };
}

/** -1 or 1 when the interval of the difference excludes 0, else 0. */
function newcombe(before: Estimate, after: Estimate): number {
  const difference = after.value - before.value;
  const low = difference - Math.hypot(after.value - after.low, before.high - before.value);
  const high = difference + Math.hypot(after.high - after.value, before.value - before.low);
  return low > 0 ? 1 : high < 0 ? -1 : 0;
}

function apart(before: Estimate, after: Estimate): number {
  return after.low > before.high ? 1 : after.high < before.low ? -1 : 0;
}

function settingChanges(before: GameDay, after: GameDay): ReportDifference["settings"] {
  const [first, second] = [flat(before), flat(after)];
  const changed = [...new Set([...first.keys(), ...second.keys()])].filter(
    (field) => first.get(field) !== second.get(field),
  );
  return changed.map((field) => ({ field, before: first.get(field) ?? "", after: second.get(field) ?? "" }));
}

/** Every value under its path: "faults.0.durationMs". */
function flat(value: unknown, path = "", into = new Map<string, string>()): Map<string, string> {
  if (typeof value !== "object" || value === null) return into.set(path, JSON.stringify(value));
  for (const [key, inner] of Object.entries(value)) flat(inner, path === "" ? key : `${path}.${key}`, into);
  return into;
}
