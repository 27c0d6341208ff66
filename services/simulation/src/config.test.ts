import { availableParallelism } from "node:os";
import { parseDurationMs } from "@weft/mesh";
import { describe, expect, it } from "vitest";
import { loadConfig } from "./config.ts";

const load = (env: Record<string, string>) => loadConfig(env, parseDurationMs);

describe("loadConfig", () => {
  it("has defaults for everything", () => {
    expect(load({})).toMatchObject({ maxRuns: 4, retentionMs: 30 * 86_400_000, keptPerProject: 500, frameRateHz: 60 });
    const { maxStudies, threadsPerStudy } = load({});
    expect(maxStudies * threadsPerStudy).toBeLessThanOrEqual(Math.max(1, availableParallelism() - 1));
  });

  it("takes what is set", () => {
    expect(
      load({
        SIMULATION_MAX_RUNS: "64",
        SIMULATION_RETENTION: "12h",
        SIMULATION_KEPT_PER_PROJECT: "7",
        SIMULATION_FRAME_RATE: "0.5",
        SIMULATION_STUDY_THREADS: "7",
      }),
    ).toEqual({
      maxRuns: 64,
      retentionMs: 12 * 3_600_000,
      keptPerProject: 7,
      frameRateHz: 0.5,
      maxStudies: 2,
      threadsPerStudy: 3,
    });
    expect(load({ SIMULATION_STUDY_THREADS: "1" })).toMatchObject({ maxStudies: 1, threadsPerStudy: 1 });
  });

  it.each([
    ["SIMULATION_MAX_RUNS", ""],
    ["SIMULATION_MAX_RUNS", "0"],
    ["SIMULATION_MAX_RUNS", "65"],
    ["SIMULATION_MAX_RUNS", "1.5"],
    ["SIMULATION_MAX_RUNS", "many"],
    ["SIMULATION_RETENTION", "30"],
    ["SIMULATION_RETENTION", "forever"],
    ["SIMULATION_KEPT_PER_PROJECT", "0"],
    ["SIMULATION_KEPT_PER_PROJECT", "1.5"],
    ["SIMULATION_STUDY_THREADS", "0"],
    ["SIMULATION_STUDY_THREADS", "2.5"],
    ["SIMULATION_FRAME_RATE", "0"],
    ["SIMULATION_FRAME_RATE", "61"],
    ["SIMULATION_FRAME_RATE", "often"],
  ])("refuses %s=%j, naming the variable", (name, value) => {
    expect(() => load({ [name]: value })).toThrow(name);
  });
});
