/**
 * The largest load that meets objectives such as p99 < 200 ms: which load to try next, with how many more replications, until
 * the answer is known. It decides only; the caller runs what `ask` wants and reports it to `tell`.
 *
 * First the load is doubled (or halved) until one load meets and one does not, then the bracket is halved on a logarithmic
 * scale until it is as narrow as asked for. A load is run with 10 replications, and with twice as many as long as it is
 * undecided (capacity-point.ts), up to a maximum. Looking several times would make a wrong decision likelier than the
 * confidence says, so each of the looks is held to its share of the error (Bonferroni).
 *
 * A load that stays undecided is not shown to meet, so the search goes on below it; it is not shown to miss either. So the
 * answer has two ends: the largest load that was shown to meet, and the smallest that was shown to miss. The objectives are
 * taken to be met below a load that meets and missed above one that misses.
 */
import { assertInnerShare } from "../statistics/samples.ts";
import { judgeLoad, type LoadPoint } from "./capacity-point.ts";
import type { JudgedRun } from "./collapse.ts";
import type { Objective } from "./objective.ts";
import { assertSearchRange, firstReplications, loadBetween, roundedLoad } from "./search-range.ts";

export interface CapacityOptions {
  /** At least one; all must be met. */
  readonly objectives: readonly Objective[];
  /** Where to begin; 1 by default. */
  readonly startLoad?: number;
  /** Where to give up below and above; 1/1000 and 1000 times the start by default. */
  readonly lowestLoad?: number;
  readonly highestLoad?: number;
  /** How far apart the ends of the answer may be, as a share; 0.05 by default. */
  readonly relativePrecision?: number;
  /** Of the decision at each load; 0.95 by default. */
  readonly confidence?: number;
  /** At one load, from 10; 160 by default. */
  readonly maximumReplications?: number;
}

export interface CapacityAnswer {
  readonly outcome: "found" | "never-met" | "always-met";
  /** The largest load that was shown to meet the objectives; 0 when none was. */
  readonly load: number;
  /** The smallest that was shown to miss them; absent when none was. */
  readonly missedFromLoad?: number;
  /** Whether the two are as near as was asked for. */
  readonly isPrecise: boolean;
  /** Every load that was tried, ascending. */
  readonly points: readonly LoadPoint[];
}

export type CapacityStep =
  | {
      readonly kind: "run";
      readonly load: number;
      /** Replications this load has already: the index of the next one. */
      readonly done: number;
      /** How many more to run. */
      readonly more: number;
    }
  | { readonly kind: "done"; readonly answer: CapacityAnswer };

const factor = 2;

export class CapacitySearch {
  readonly #objectives: readonly Objective[];
  readonly #lowestLoad: number;
  readonly #highestLoad: number;
  readonly #relativePrecision: number;
  readonly #maximum: number;
  /** Of each look at a load. */
  readonly #confidence: number;
  readonly #points: LoadPoint[] = [];
  #load: number;
  #outcomes: JudgedRun[] = [];
  /** The largest load that meets, the smallest that was not shown to, the largest undecided, the smallest that misses. */
  #meets = 0;
  #notShown = Number.POSITIVE_INFINITY;
  #undecided = 0;
  #misses = Number.POSITIVE_INFINITY;
  #isDone = false;

  /** Throws RangeError that names the option when one makes no sense. */
  constructor(options: CapacityOptions) {
    const { objectives, startLoad = 1, relativePrecision = 0.05, confidence = 0.95 } = options;
    const { lowestLoad = startLoad / 1000, highestLoad = startLoad * 1000, maximumReplications = 160 } = options;
    if (objectives.length === 0) throw new RangeError("objectives: none given; at least one is needed");
    assertInnerShare("relativePrecision", relativePrecision);
    assertInnerShare("confidence", confidence);
    assertSearchRange({ startLoad, lowestLoad, highestLoad, maximumReplications });
    this.#objectives = objectives;
    this.#lowestLoad = roundedLoad(lowestLoad);
    this.#highestLoad = roundedLoad(highestLoad);
    this.#relativePrecision = relativePrecision;
    this.#maximum = maximumReplications;
    const looks = 1 + Math.ceil(Math.log2(maximumReplications / firstReplications));
    this.#confidence = 1 - (1 - confidence) / looks;
    this.#load = roundedLoad(startLoad);
  }

  ask(): CapacityStep {
    if (this.#isDone) return { kind: "done", answer: this.#answer() };
    const done = this.#outcomes.length;
    const wanted = done === 0 ? firstReplications : Math.min(done * 2, this.#maximum);
    return { kind: "run", load: this.#load, done, more: wanted - done };
  }

  /**
   * The replications that `ask` wanted, at its load; "overflow" when one could not be finished because too many requests were
   * in the system. Throws RangeError without replications.
   */
  tell(outcomes: readonly JudgedRun[] | "overflow"): void {
    if (outcomes.length === 0) throw new RangeError("outcomes: none given; at least one is needed");
    const hasOverflowed = outcomes === "overflow";
    if (!hasOverflowed) this.#outcomes.push(...outcomes);
    const judged = { load: this.#load, outcomes: this.#outcomes, hasOverflowed };
    const point = judgeLoad(judged, this.#objectives, this.#confidence);
    if (point.verdict === "undecided" && this.#outcomes.length < this.#maximum) return;
    this.#points.push(point);
    this.#outcomes = [];
    if (point.verdict === "meets") this.#meets = Math.max(this.#meets, point.load);
    else this.#notShown = Math.min(this.#notShown, point.load);
    if (point.verdict === "misses") this.#misses = Math.min(this.#misses, point.load);
    if (point.verdict === "undecided") this.#undecided = Math.max(this.#undecided, point.load);
    const next = this.#nextLoad();
    if (next === undefined) this.#isDone = true;
    else this.#load = next;
  }

  /** Undefined when there is nothing more to learn. */
  #nextLoad(): number | undefined {
    if (this.#meets === 0) {
      return this.#notShown <= this.#lowestLoad
        ? undefined
        : roundedLoad(Math.max(this.#notShown / factor, this.#lowestLoad));
    }
    if (this.#notShown === Number.POSITIVE_INFINITY) {
      return this.#meets >= this.#highestLoad
        ? undefined
        : roundedLoad(Math.min(this.#meets * factor, this.#highestLoad));
    }
    if (this.#misses <= this.#meets * (1 + this.#relativePrecision)) return undefined;
    // Loads that stay undecided part the bracket in two, which are narrowed one after the other.
    const closeEnough = 1 + this.#relativePrecision / (this.#undecided === 0 ? 1 : 2);
    if (this.#notShown > this.#meets * closeEnough) return loadBetween(this.#meets, this.#notShown);
    if (this.#misses === Number.POSITIVE_INFINITY) {
      return this.#undecided < this.#highestLoad
        ? roundedLoad(Math.min(this.#undecided * factor, this.#highestLoad))
        : undefined;
    }
    return this.#misses > this.#undecided * closeEnough ? loadBetween(this.#undecided, this.#misses) : undefined;
  }

  #answer(): CapacityAnswer {
    const outcome = this.#meets === 0 ? "never-met" : this.#notShown === Infinity ? "always-met" : "found";
    return {
      outcome,
      load: this.#meets,
      ...(this.#misses === Infinity ? {} : { missedFromLoad: this.#misses }),
      isPrecise: outcome === "found" && this.#misses <= this.#meets * (1 + this.#relativePrecision),
      points: [...this.#points].sort((a, b) => a.load - b.load),
    };
  }
}
