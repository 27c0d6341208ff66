import type { StudyProgress } from "@weft/simulator/studies";
import { describe, expect, test } from "vitest";
import { showProgress } from "./progress.ts";

function shown(isTTY: boolean, steps: readonly Partial<StudyProgress>[]): string[] {
  const written: string[] = [];
  const progress = showProgress({ isTTY, write: (text) => written.push(text) });
  for (const step of steps) progress.report({ phase: "replications", done: 0, of: 40, p99Ms: undefined, ...step });
  progress.end();
  return written;
}

describe("showProgress", () => {
  const p99Ms = { value: 100, low: 96.9, high: 103.1 };

  test("rewrites one line of a terminal, and takes it away at the end", () => {
    expect(
      shown(true, [
        { phase: "warm-up", done: 1, of: 5, p99Ms },
        { done: 12, p99Ms },
      ]),
    ).toEqual(["\r\x1b[Kfinding the warm-up: 1 of 5 pilots", "\r\x1b[K12 of 40 replications, p99 ±3.1 %", "\r\x1b[K"]);
  });

  test("stays within the width of the terminal, since a line that wraps cannot be taken back", () => {
    const written: string[] = [];
    const progress = showProgress({ isTTY: true, columns: 12, write: (text) => written.push(text) });
    progress.report({ phase: "replications", done: 12, of: 40, p99Ms: undefined });
    expect(written).toEqual(["\r\x1b[K12 of 40 re"]);
  });

  test("writes a line for every tenth into a file", () => {
    const lines = shown(
      false,
      Array.from({ length: 41 }, (_, done) => ({ done, p99Ms })),
    );
    expect(lines.length).toBe(10);
    expect([lines[0], lines.at(-1)]).toEqual([
      "4 of 40 replications, p99 ±3.1 %\n",
      "40 of 40 replications, p99 ±3.1 %\n",
    ]);
  });

  test("says nothing of a p99 that is not there", () => {
    expect(shown(false, [{ done: 40, p99Ms: { value: 0, low: 0, high: 0 } }])).toEqual(["40 of 40 replications\n"]);
  });
});
