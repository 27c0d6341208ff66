/**
 * The load from which on a system falls and stays down: where the probability that a run is metastable, or would have
 * collapsed without its faults, crosses a level. The second counts because the verdict on faults compares with the time before
 * them: a system that was down already has lost nothing, and the search would climb on through loads that nobody can run.
 *
 * Near such a boundary the same load sometimes falls and sometimes does not, so no single run decides. The search has the
 * shape of capacity-search.ts and, as there, only decides which load to run next: the load is doubled or halved until one is surely
 * below the level and one surely above, then the bracket is halved on a logarithmic scale. A load is run with 10 replications,
 * with twice as many as long as Wilson's interval holds the level, up to a maximum; every look has its share of the error
 * (Bonferroni). A load that stays undecided lies at the boundary as far as so many runs can tell, and the bracket is narrowed on both
 * sides of it. The answer has the two ends and the probability at every load that was tried. The probability is taken to rise with
 * the load. A system that never falls (users who wait for their answers ask no faster) is tried up to 64 times the start: each
 * doubling takes twice as long, and who plans for more can start there.
 */
import type { Architecture } from "../architecture.ts";
import { replicationSeed } from "../replications/run-replication.ts";
import type { Estimate } from "../replications/study.ts";
import { wilsonInterval } from "../statistics/interval.ts";
import { assertInnerShare } from "../statistics/samples.ts";
import { assertSearchRange, firstReplications, loadBetween, roundedLoad } from "../what-if/search-range.ts";
import { isFallen } from "./experiment.ts";
import { type ChaosRun, type ChaosRunOptions, type DisturbedRun, runDisturbed, runUndisturbed } from "./run-chaos.ts";

export interface BoundaryOptions {
  /** The probability that is crossed; 0.5 by default. */
  readonly level?: number;
  /** How far apart the ends may be, as a share; 0.05 by default. */
  readonly relativePrecision?: number;
  /** Where to begin, 1 by default, and where to give up; 1/1000 and 64 times the start by default. */
  readonly startLoad?: number;
  readonly lowestLoad?: number;
  readonly highestLoad?: number;
  /** At one load, from 10; 80 by default. */
  readonly maximumReplications?: number;
  /** Of the decision at each load; 0.95 by default. */
  readonly confidence?: number;
}

export interface BoundaryPoint {
  readonly load: number;
  readonly replications: number;
  /** That a run falls, with Wilson's 95 % interval. */
  readonly probability: Estimate;
  /** That it collapses without the faults too, so that they are not to blame; of the same runs. */
  readonly collapse: Estimate;
  readonly side: "below" | "above" | "undecided";
}

/** What became of a run; "collapses": not by its faults, if it had any. */
export type RunEnd = "comes-back" | "stays-down" | "collapses";

export interface Boundary {
  readonly outcome: "found" | "never-falls" | "always-falls";
  /** Between the ends, on a logarithmic scale; absent unless found. */
  readonly load?: number;
  /** The largest load surely below the level, and the smallest surely above; absent when none is. */
  readonly below?: number;
  readonly above?: number;
  /** Whether the ends are as near as was asked for. */
  readonly isPrecise: boolean;
  readonly level: number;
  /** Ascending by load. */
  readonly points: readonly BoundaryPoint[];
}

export type BoundaryStep =
  | { readonly kind: "run"; readonly load: number; readonly done: number; readonly more: number }
  | { readonly kind: "done"; readonly answer: Boundary };

const factor = 2;
const highestClimb = 64;

export class BoundarySearch {
  readonly #level: number;
  readonly #precision: number;
  readonly #lowest: number;
  readonly #highest: number;
  readonly #maximum: number;
  readonly #confidence: number;
  readonly #points: BoundaryPoint[] = [];
  #load: number | undefined;
  #runs = 0;
  #down = 0;
  #collapsed = 0;

  /** Throws RangeError that names the option when one makes no sense. */
  constructor(options: BoundaryOptions = {}) {
    const {
      level = 0.5,
      relativePrecision = 0.05,
      startLoad = 1,
      maximumReplications = 80,
      confidence = 0.95,
    } = options;
    const { lowestLoad = startLoad / 1000, highestLoad = startLoad * highestClimb } = options;
    assertInnerShare("level", level);
    assertInnerShare("relativePrecision", relativePrecision);
    assertInnerShare("confidence", confidence);
    assertSearchRange({ startLoad, lowestLoad, highestLoad, maximumReplications });
    this.#level = level;
    this.#precision = relativePrecision;
    this.#lowest = roundedLoad(lowestLoad);
    this.#highest = roundedLoad(highestLoad);
    this.#maximum = maximumReplications;
    const looks = 1 + Math.ceil(Math.log2(maximumReplications / firstReplications));
    this.#confidence = 1 - (1 - confidence) / looks;
    this.#load = roundedLoad(startLoad);
  }

  ask(): BoundaryStep {
    if (this.#load === undefined) return { kind: "done", answer: this.#answer() };
    const wanted = this.#runs === 0 ? firstReplications : Math.min(this.#runs * 2, this.#maximum);
    return { kind: "run", load: this.#load, done: this.#runs, more: wanted - this.#runs };
  }

  /** The end of each of the replications that `ask` wanted. Throws RangeError without any. */
  tell(ends: readonly RunEnd[]): void {
    if (ends.length === 0) throw new RangeError("ends: none given; at least one is needed");
    this.#runs += ends.length;
    this.#down += ends.filter((end) => end !== "comes-back").length;
    this.#collapsed += ends.filter((end) => end === "collapses").length;
    const { low, high } = wilsonInterval(this.#down, this.#runs, this.#confidence);
    const side = high < this.#level ? "below" : low > this.#level ? "above" : "undecided";
    if (side === "undecided" && this.#runs < this.#maximum) return;
    const probability = wilsonInterval(this.#down, this.#runs);
    const collapse = wilsonInterval(this.#collapsed, this.#runs);
    this.#points.push({ load: this.#load as number, replications: this.#runs, probability, collapse, side });
    this.#runs = 0;
    this.#down = 0;
    this.#collapsed = 0;
    this.#load = this.#nextLoad();
  }

  #ends(): { below: number; above: number; undecided: readonly number[] } {
    const of = (side: BoundaryPoint["side"]) => this.#points.filter((one) => one.side === side).map(({ load }) => load);
    return {
      below: Math.max(0, ...of("below")),
      above: Math.min(Infinity, ...of("above")),
      undecided: of("undecided"),
    };
  }

  /** Undefined when there is nothing more to learn. */
  #nextLoad(): number | undefined {
    const { below, above, undecided } = this.#ends();
    const lowest = Math.min(above, ...undecided);
    const highest = Math.max(below, ...undecided);
    if (below === 0) return lowest <= this.#lowest ? undefined : roundedLoad(Math.max(lowest / factor, this.#lowest));
    if (above === Infinity)
      return highest >= this.#highest ? undefined : roundedLoad(Math.min(highest * factor, this.#highest));
    if (above <= below * (1 + this.#precision)) return undefined;
    // Each side of what stays undecided gets half of the precision.
    const enough = 1 + this.#precision / (undecided.length === 0 ? 1 : 2);
    if (lowest > below * enough) return loadBetween(below, lowest);
    return above > highest * enough ? loadBetween(highest, above) : undefined;
  }

  #answer(): Boundary {
    const { below, above } = this.#ends();
    const found = below > 0 && above < Infinity;
    const fallsAlways = below === 0 && !found;
    return {
      outcome: found ? "found" : fallsAlways ? "always-falls" : "never-falls",
      ...(found ? { load: Math.sqrt(below * above) } : {}),
      ...(below > 0 ? { below } : {}),
      ...(above < Infinity ? { above } : {}),
      isPrecise: found && above <= below * (1 + this.#precision) * (1 + 1e-9),
      level: this.#level,
      points: [...this.#points].sort((a, b) => a.load - b.load),
    };
  }
}

/** Runs all that is needed, one after the other. Throws ModelError when something cannot be run. */
export function locateBoundary(
  architecture: Architecture,
  run: Omit<ChaosRunOptions, "load">,
  options: BoundaryOptions = {},
): Boundary {
  const search = new BoundarySearch(options);
  for (let step = search.ask(); ; step = search.ask()) {
    if (step.kind === "done") return step.answer;
    const { load, done, more } = step;
    const ends = Array.from({ length: more }, (_, index) => {
      const options = { ...run, load, seed: replicationSeed(run.seed, done + index) };
      return endOf(runDisturbed(architecture, options), () => runUndisturbed(architecture, options));
    });
    search.tell(ends);
  }
}

/** `undisturbed` is the same run without its faults; it is asked for only where it decides. */
export function endOf(disturbed: DisturbedRun, undisturbed: () => ChaosRun): RunEnd {
  if (disturbed.verdict?.verdict === "metastable") return "stays-down";
  // Without a verdict it had no faults, or overflowed before the first.
  const hasCollapsed = isFallen(disturbed.verdict === undefined ? disturbed : undisturbed());
  return hasCollapsed ? "collapses" : "comes-back";
}

/** The answer in words. */
export function boundarySentence({ outcome, load = 0, below, above, level, isPrecise, points }: Boundary): string {
  const chance = `in ${Number((level * 100).toPrecision(3))} % of the runs`;
  if (outcome === "never-falls") {
    return `no boundary up to load ${points.at(-1)?.load}, where the search ends: at none does the system stay down ${chance}`;
  }
  if (outcome === "always-falls") {
    return `no boundary down to load ${points[0]?.load}, where the search ends: at each the system stays down ${chance} or more`;
  }
  const first = points.find((point) => point.load === above);
  const isByItself = first !== undefined && first.collapse.value > first.probability.value / 2;
  const rough = isPrecise ? "" : "; not as precise as asked for";
  return (
    `from load ${Number(load.toPrecision(4))} on (${below} to ${above}) the system stays down ${chance}` +
    `${isByItself ? ", without faults as well: it is too much for it" : ""}${rough}`
  );
}
