import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Baseline, baselineFrom, compareWithBaseline } from "./baselines/compare.ts";
import { describeMachine, machineLine } from "./machine.ts";
import { baselineProfile, quickBaseline } from "./profiles/baseline.ts";
import { picturesFrom } from "./report/results.ts";
import { rowFrom } from "./report/rows.ts";
import { runScenarios } from "./run-scenarios.ts";
import { createLatencyOne } from "./scenarios/latency-one.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { createUnary } from "./scenarios/unary.ts";
import { runScript } from "./script.ts";

/*
 * npm run bench:baseline: a short run for every change, against two peers that bracket ours: grpc-js, which everybody has,
 * and the bare framing, which shows a lost microsecond. With --update the ratios of this run become the baseline first.
 */

const file = join(import.meta.dirname, "baselines", "ratios.json");
const peers = ["grpc-js", "bare-framing"] as const;

await runScript({
  name: "bench:baseline",
  title: "Against the baseline",
  what: [
    "A short run that fails when a ratio fell by more than a third under loadtest/baselines/ratios.json.",
    "With --update its ratios become the baseline.",
  ].join("\n"),
  suffix: "-baseline",
  async measure(args, progress) {
    const scenarios: readonly Scenario[] = [
      createUnary({ inFlight: 256, phase: (profile) => profile.unary256, atLeast: {}, cpu: false, peers }),
      createUnary({ inFlight: 64, phase: (profile) => profile.unary64, atLeast: {}, cpu: false, peers }),
      createLatencyOne(peers),
    ];
    const profile = args.quick ? quickBaseline : baselineProfile;
    const { samples, rounds } = await runScenarios({ scenarios, profile, progress });
    const rows = scenarios.flatMap(({ rules }) => rules.map((rule) => rowFrom({ ...rule, atLeast: null }, samples)));
    if (args.update) {
      const machine = describeMachine(new Date());
      const written = baselineFrom(rows, machineLine(machine), machine.date.slice(0, 10));
      await writeFile(file, `${JSON.stringify(written, null, 2)}\n`);
      progress("the baseline is written");
    }
    const baseline = JSON.parse(await readFile(file, "utf8")) as Baseline;
    return {
      rows: compareWithBaseline(rows, baseline),
      pictures: picturesFrom(
        scenarios.flatMap(({ charts }) => charts),
        samples,
        (who) => who,
      ),
      notes: [`${rounds} of ${profile.rounds} rounds; the baseline is of ${baseline.date}: ${baseline.machine}`],
    };
  },
});
