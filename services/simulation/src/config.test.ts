import { parseDurationMs } from "@weft/mesh";
import { describe, expect, it } from "vitest";
import { loadConfig } from "./config.ts";

const load = (env: Record<string, string>) => loadConfig(env, parseDurationMs);

describe("loadConfig", () => {
  it("has defaults for everything", () => {
    expect(load({})).toEqual({ maxRuns: 4, retentionMs: 30 * 86_400_000 });
  });

  it("takes what is set", () => {
    expect(load({ SIMULATION_MAX_RUNS: "64", SIMULATION_RETENTION: "12h" })).toEqual({
      maxRuns: 64,
      retentionMs: 12 * 3_600_000,
    });
  });

  it.each([
    ["SIMULATION_MAX_RUNS", ""],
    ["SIMULATION_MAX_RUNS", "0"],
    ["SIMULATION_MAX_RUNS", "65"],
    ["SIMULATION_MAX_RUNS", "1.5"],
    ["SIMULATION_MAX_RUNS", "many"],
    ["SIMULATION_RETENTION", "30"],
    ["SIMULATION_RETENTION", "forever"],
  ])("refuses %s=%j, naming the variable", (name, value) => {
    expect(() => load({ [name]: value })).toThrow(name);
  });
});
