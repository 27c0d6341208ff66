import { describe, expect, test } from "vitest";
import { cases } from "./cases/all.ts";
import { properties } from "./properties/all.ts";
import { runTasks } from "./run-tasks.ts";
import { renderScoreboard } from "./scoreboard.ts";
import { tasksOf } from "./tasks.ts";
import { mmOneFromEmpty } from "./theory.ts";
import { verify } from "./verification.ts";

describe("the verification", () => {
  test("runs cases and properties in workers and shows each figure", async () => {
    const seen: number[] = [];
    const verification = await verify({
      only: ["V05-5-exponential", "V20-0.2", "V32", "limits"],
      isQuick: true,
      workers: 2,
      onProgress: (done) => seen.push(done),
    });
    expect(verification).toMatchObject({ ok: true });
    expect(verification.figures.map((row) => row.case)).toEqual([
      ...["V05-5-exponential", "V20-0.2", "V20-0.2", "V32", "V32", "V32"],
    ]);
    expect(verification.properties).toHaveLength(3);
    expect(seen.at(-1)).toBe(seen.length);
    expect(renderScoreboard(verification)).toMatch(/3 of 3 cases agree, 6 of 6 figures, 3 of 3 checks/);
  });

  test("of nothing is not ok", async () => {
    expect(await verify({ only: ["no such case"], isQuick: true, workers: 2 })).toMatchObject({ ok: false });
  });

  test("keeps what goes wrong in a task as its outcome", async () => {
    const outcomes: unknown[] = [];
    const task = { kind: "case", id: "no such case", isQuick: true, from: 0, to: 1 } as const;
    await runTasks([task, task], 1, (_, outcome) => outcomes.push(outcome));
    expect(outcomes).toEqual(Array(2).fill({ kind: "error", message: 'there is no case "no such case"' }));
  });

  test("has an id for each case and property, and at least 20 replications of each case", () => {
    const ids = [...cases, ...properties].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { run } of cases) expect(run.replications ?? 20).toBeGreaterThanOrEqual(20);
  });

  test("gives every replication of a case to one task", () => {
    const given = cases.filter(({ id }) => id === "V01" || id === "V31-50");
    for (const { id, run } of given) {
      const done = tasksOf(given, [], false).flatMap((task) =>
        task.kind === "case" && task.id === id
          ? Array.from({ length: task.to - task.from }, (_, index) => task.from + index)
          : [],
      );
      const all = Array.from({ length: run.replications ?? 20 }, (_, index) => index);
      expect(done.sort((a, b) => a - b)).toEqual(all);
    }
  });
});

describe("M/M/1 from empty", () => {
  test("begins with the arrivals and ends in its steady state", () => {
    expect(mmOneFromEmpty(50, 100, 0.0001).atEnd).toBeCloseTo(0.005, 4);
    const { atEnd, meanUntilEnd } = mmOneFromEmpty(50, 100, 5);
    expect(atEnd).toBeCloseTo(1, 6);
    expect(meanUntilEnd).toBeLessThan(1);
    expect(meanUntilEnd).toBeGreaterThan(0.98);
  });
});
