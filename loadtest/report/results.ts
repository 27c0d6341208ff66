import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Machine } from "../machine.ts";
import { type Samples, spreadOf } from "../rounds.ts";
import type { Chart } from "../scenarios/scenario.ts";
import { type Picture, renderPage } from "./html.ts";
import type { Row } from "./rows.ts";

/** What a run leaves behind. */
export interface Results {
  readonly title: string;
  readonly machine: Machine;
  readonly rows: readonly Row[];
  readonly pictures: readonly Picture[];
  /** Lines about how it was done. */
  readonly notes: readonly string[];
}

const resultsFolder = join(import.meta.dirname, "..", "results");

/** One object, of exactly this shape, as every script of the project prints it; spreads are in the files. */
export function renderJson({ machine, rows }: Pick<Results, "machine" | "rows">): string {
  return JSON.stringify({
    machine,
    rows: rows.map(({ id, what, ours, peer, peerName, unit, ratio, atLeast, ok }) => {
      return { id, what, ours, peer, peerName, unit, ratio, atLeast, ok };
    }),
  });
}

/** Writes `<date>[-suffix].json` and a page of the same name; gives the name of the page. */
export async function writeResults(results: Results, suffix = ""): Promise<string> {
  await mkdir(resultsFolder, { recursive: true });
  const base = join(resultsFolder, `${fileDate(results.machine.date)}${suffix}`);
  const { machine, rows, pictures, notes } = results;
  await writeFile(`${base}.json`, `${JSON.stringify({ machine, rows, pictures, notes }, null, 2)}\n`);
  await writeFile(`${base}.html`, renderPage(results));
  return `${base}.html`;
}

/** The charts of a run with the values of everybody who has some, ours first as measured. */
export function picturesFrom(
  charts: readonly Chart[],
  samples: Samples,
  labelOf: (who: string) => string,
): readonly Picture[] {
  return charts.map(({ series, title, unit, better }) => ({
    ...{ title, unit, better },
    bars: samples.contenders(series).flatMap((who) => {
      const spread = spreadOf(samples.values(series, who));
      return spread === undefined ? [] : [{ label: labelOf(who), ours: who === "weft", ...spread }];
    }),
  }));
}

/** "2026-03-01T10-20-30": sorts by time, and is a file name everywhere. */
function fileDate(isoDate: string): string {
  return isoDate.slice(0, 19).replaceAll(":", "-");
}
