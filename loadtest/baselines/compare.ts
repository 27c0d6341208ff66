import type { Row } from "../report/rows.ts";

/*
 * Whether a change made the mesh slower against its peers. Ratios are compared, not rates: a machine that is slower today is
 * slower for everybody. Even so a ratio moves by some tenths from run to run on a shared machine, so the alarm is for
 * a third, which a lost optimization costs and noise over a median of rounds does not.
 */

/** Ratios that were measured and found good, by row id. */
export interface Baseline {
  readonly machine: string;
  readonly date: string;
  readonly ratios: Readonly<Record<string, number>>;
}

/** What is left of a ratio at least: 1 − 1/3. */
const leastShare = 2 / 3;

/** One row per measured ratio: ours is today's, the peer is the baseline's. A new row has no baseline and passes. */
export function compareWithBaseline(rows: readonly Row[], baseline: Baseline): readonly Row[] {
  return rows
    .filter(({ peer, peerName }) => peer !== null || peerName !== null)
    .map((row) => {
      const before = baseline.ratios[row.id];
      const share = row.ratio === null || before === undefined ? null : Number((row.ratio / before).toPrecision(4));
      const complete = row.ratio !== null;
      return {
        id: `baseline/${row.id}`,
        what: complete ? `ratio of ${row.id} against the committed one` : row.what,
        ours: row.ratio,
        peer: before ?? null,
        peerName: "baseline",
        unit: "ratio",
        ratio: share,
        atLeast: before === undefined ? null : Number(leastShare.toPrecision(4)),
        ok: complete && (share === null || share >= leastShare),
        spread: row.spread,
      };
    });
}

/**
 * What is committed after a run that was found good: of each ratio what every round reached, since the median of a run
 * elsewhere may well lie there. Throws when a row has no ratio.
 */
export function baselineFrom(rows: readonly Row[], machine: string, date: string): Baseline {
  const ratios = rows.map(({ id, ratio, spread, what }) => {
    if (ratio === null) {
      throw new Error(`${id} was not measured: ${what}`);
    }
    return [id, Number((spread?.[0] ?? ratio).toPrecision(3))] as const;
  });
  return { machine, date, ratios: Object.fromEntries(ratios) };
}
