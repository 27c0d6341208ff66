import { type Better, type Samples, type Spread, spreadOf } from "../rounds.ts";

/*
 * A row is one statement that a run makes: a figure of ours, of a peer, how they compare, and whether that is enough. Its
 * shape is what every script of the project prints with --json.
 */
export interface Row {
  /** Stable: results of different days are compared by it. */
  readonly id: string;
  readonly what: string;
  /** Median over the rounds; null when it could not be measured. */
  readonly ours: number | null;
  readonly peer: number | null;
  readonly peerName: string | null;
  readonly unit: string;
  /** Median of the rounds' ratios; better when larger, whatever the unit. */
  readonly ratio: number | null;
  readonly atLeast: number | null;
  readonly ok: boolean;
  /** Smallest and largest over the rounds; of `ratio` where there is a peer, else of `ours`. */
  readonly spread: readonly [min: number, max: number] | null;
}

/** What a row is made of, before there are values. */
export interface RowRule {
  readonly id: string;
  readonly what: string;
  readonly series: string;
  readonly unit: string;
  readonly better: Better;
  /** Whose value is `ours`. */
  readonly ours: string;
  /** Undefined for a figure without a peer. */
  readonly peer?: string;
  readonly peerName?: string;
  /** Null reports the ratio and asks nothing of it. */
  readonly atLeast: number | null;
}

export function rowFrom(rule: RowRule, samples: Samples): Row {
  const { series, ours, peer } = rule;
  const ourSpread = spreadOf(samples.values(series, ours));
  const peerSpread = peer === undefined ? undefined : spreadOf(samples.values(series, peer));
  const ratio = peer === undefined ? undefined : spreadOf(samples.ratios(series, ours, peer, rule.better));
  const failures = [ours, ...(peer === undefined ? [] : [peer])].flatMap((who) => {
    const reason = samples.failure(series, who);
    return reason === undefined ? [] : [`${who} failed: ${firstLine(reason)}`];
  });
  const complete = ourSpread !== undefined && (peer === undefined || ratio !== undefined);
  const enough = rule.atLeast === null || (ratio !== undefined && ratio.median >= rule.atLeast);
  return {
    id: rule.id,
    what: [rule.what, ...failures].join("; "),
    ours: rounded(ourSpread?.median),
    peer: rounded(peerSpread?.median),
    peerName: peer === undefined ? null : (rule.peerName ?? peer),
    unit: rule.unit,
    ratio: rounded(ratio?.median),
    atLeast: rule.atLeast,
    ok: complete && enough && failures.length === 0,
    spread: bounds(peer === undefined ? ourSpread : ratio),
  };
}

/** Four significant digits: more would be noise. */
function rounded(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : Number(value.toPrecision(4));
}

function bounds(spread: Spread | undefined): readonly [number, number] | null {
  const min = rounded(spread?.min);
  const max = rounded(spread?.max);
  return min === null || max === null ? null : [min, max];
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? "";
}
