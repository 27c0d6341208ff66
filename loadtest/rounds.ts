/*
 * What rounds are for. A machine's speed drifts: other work comes and goes, clocks change. So contenders are measured in
 * turns, in many short rounds, and a ratio is made within a round, of two measurements that are seconds apart; the
 * ratio of a run is the median of those. A ratio of two medians would compare one contender's good minute with another's bad.
 */

export type Better = "more" | "less";

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Undefined without values. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) {
    return undefined;
  }
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const low = sorted[Math.floor(middle)] as number;
  const high = sorted[Math.ceil(middle)] as number;
  return { median: (low + high) / 2, min: sorted[0] as number, max: sorted.at(-1) as number };
}

/** Always better when larger: of a latency it is peer ÷ ours. */
export function ratioOf(ours: number, peer: number, better: Better): number {
  return better === "more" ? ours / peer : peer / ours;
}

/** Who goes first changes with every round, so that nobody always follows the same neighbour. */
export function orderOfRound<Item>(items: readonly Item[], round: number): readonly Item[] {
  return round % 2 === 0 ? items : items.toReversed();
}

/** Every value of a run, by series ("unary-256"), by who it is of, and by round. */
export class Samples {
  readonly #values = new Map<string, Map<string, Map<number, number>>>();
  readonly #failures = new Map<string, string>();

  add(series: string, who: string, round: number, value: number): void {
    const ofSeries = this.#values.get(series) ?? new Map<string, Map<number, number>>();
    this.#values.set(series, ofSeries);
    const ofWho = ofSeries.get(who) ?? new Map<number, number>();
    ofSeries.set(who, ofWho);
    ofWho.set(round, value);
  }

  /** The first reason stays. */
  fail(series: string, who: string, reason: string): void {
    const key = `${series}\n${who}`;
    if (!this.#failures.has(key)) {
      this.#failures.set(key, reason);
    }
  }

  failure(series: string, who: string): string | undefined {
    return this.#failures.get(`${series}\n${who}`);
  }

  values(series: string, who: string): readonly number[] {
    return [...(this.#values.get(series)?.get(who)?.values() ?? [])];
  }

  /** Who has values in a series, in the order they were first measured. */
  contenders(series: string): readonly string[] {
    return [...(this.#values.get(series)?.keys() ?? [])];
  }

  /** One ratio per round in which both were measured. */
  ratios(series: string, ours: string, peer: string, better: Better): readonly number[] {
    const ofPeer = this.#values.get(series)?.get(peer);
    return [...(this.#values.get(series)?.get(ours) ?? [])].flatMap(([round, value]) => {
      const other = ofPeer?.get(round);
      return other === undefined ? [] : [ratioOf(value, other, better)];
    });
  }
}
