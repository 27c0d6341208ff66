import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "citty";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hear } from "../../tests/hear.ts";
import { simScalabilityCommand } from "./scalability-command.ts";

/** 100 N ÷ (1 + 0.05 (N − 1) + 0.002 N (N − 1)), which peaks at √475, rounded. */
const rows = ["load,throughput", "1,100", "4,341.5", "8,548.2", "16,717.5", "32,705.5", "64,525"];

let folder: string;
const heard = hear("stdout");
const path = (file: string) => join(folder, file);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weft-scalability-"));
  await writeFile(path("load-test.csv"), rows.join("\n"));
  await writeFile(path("bad.csv"), "load,throughput\n1,100\n2,none\n");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(file: string, ...args: string[]): Promise<string> {
  await runCommand(simScalabilityCommand, { rawArgs: [path(file), ...args] });
  return heard.text;
}

describe("weft sim scalability", () => {
  test("says the law, the peak, every residual, and what is extrapolated", async () => {
    const text = await run("load-test.csv", "--at", "20,128");
    expect(text).toMatch(/contention α +0\.0[45]/);
    expect(text).toMatch(/peak load +2[12]\./);
    expect(text).toMatch(/^20 .*\d$/m);
    expect(text).toMatch(/^128 .*extrapolated$/m);
    expect(text.match(/[+-][\d.]+ \([\d.]+ %\)/g)).toHaveLength(6);
    expect(text).toContain("extrapolated at 128: measured was 1 to 64");
  });

  test("predicts the peak and beyond the measurements when nothing is asked for", async () => {
    const { peak, predictions, findings } = JSON.parse(await run("load-test.csv", "--format", "json"));
    expect(predictions.map(({ load }: { load: number }) => load)).toEqual([peak.load.value, 96, 128]);
    expect(predictions.map(({ isExtrapolated }: { isExtrapolated: boolean }) => isExtrapolated)).toEqual([
      false,
      true,
      true,
    ]);
    expect(findings).toHaveLength(1);
  });

  test("draws a page with every measurement on it", async () => {
    await run("load-test.csv", "--format", "html", "--output", path("page.html"));
    const page = await readFile(path("page.html"), "utf8");
    expect(page.match(/<circle class="dot b"/g)).toHaveLength(6);
    expect(page).toContain("Throughput peaks at a load of");
    expect(page).not.toContain("NaN");
    expect(heard.text).toBe("");
  });

  test.each([
    ["bad.csv", [], 'bad.csv, row 3: throughput is "none"; it takes a number above 0'],
    ["none.csv", [], "none.csv cannot be read"],
    ["load-test.csv", ["--at", "0"], '--at is "0"; it takes a number above 0'],
    ["load-test.csv", ["--format", "xml"], '--format is "xml"'],
  ])("refuses %s %j", async (file, args, message) => {
    await expect(run(file, ...args)).rejects.toThrow(message);
  });
});
