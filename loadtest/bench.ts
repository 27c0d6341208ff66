import { UsageError } from "./arguments.ts";
import { full } from "./profiles/full.ts";
import type { Profile } from "./profiles/profile.ts";
import { quick } from "./profiles/quick.ts";
import { picturesFrom } from "./report/results.ts";
import { rowFrom } from "./report/rows.ts";
import { runScenarios } from "./run-scenarios.ts";
import { createGrpcUnaryServed } from "./scenarios/grpc-unary-served.ts";
import { heapInFlight } from "./scenarios/heap-in-flight.ts";
import { idleCpu } from "./scenarios/idle-cpu.ts";
import { createLatencyOne } from "./scenarios/latency-one.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { tailHalf } from "./scenarios/tail-half.ts";
import { createUnary } from "./scenarios/unary.ts";
import { runScript } from "./script.ts";

/*
 * npm run bench: the mesh beside everything else that Node offers for the same call. README.md says how to read it.
 */

await runScript({
  name: "bench",
  title: "Weft and its peers",
  what: "Measures ValidateToken through Weft and through each of its peers, side by side, in rounds.",
  suffix: "",
  async measure(args, progress) {
    const profile = args.quick ? quick : full;
    const scenarios = selected(allScenarios(profile), args.only);
    const { samples, rounds, contenders } = await runScenarios({ scenarios, profile, progress });
    const labels = new Map<string, string>(contenders.map(({ id, label }) => [id, label]));
    return {
      rows: scenarios.flatMap(({ rules }) => rules.map((rule) => rowFrom(rule, samples))),
      pictures: picturesFrom(
        scenarios.flatMap(({ charts }) => charts),
        samples,
        (who) => labels.get(who) ?? who,
      ),
      notes: [
        `profile "${profile.name}", ${rounds} of ${profile.rounds} rounds`,
        ...(profile.idleMs > 0 ? [] : ["idle-cpu takes too long for this profile and is left out"]),
        ...contenders.map(({ label, note }) => `${label}: ${note}`),
      ],
    };
  },
});

/** In this order: the tail needs the maximum rates, and whatever rests or holds comes last. */
function allScenarios(profile: Profile): readonly Scenario[] {
  return [
    createUnary({
      inFlight: 256,
      phase: (profile) => profile.unary256,
      atLeast: { "grpc-js": 10, "connect-grpc": 40, "bare-framing": 0.35 },
      cpu: true,
    }),
    createUnary({ inFlight: 64, phase: (profile) => profile.unary64, atLeast: {}, cpu: false }),
    createLatencyOne(),
    tailHalf,
    createGrpcUnaryServed(),
    heapInFlight,
    ...(profile.idleMs > 0 ? [idleCpu] : []),
  ];
}

function selected(scenarios: readonly Scenario[], only: readonly string[]): readonly Scenario[] {
  const chosen = scenarios.filter(({ id }) => only.length === 0 || only.some((part) => id.includes(part)));
  if (chosen.length === 0) {
    throw new UsageError(`no scenario has "${only.join(", ")}" in its id: ${scenarios.map(({ id }) => id).join(", ")}`);
  }
  // Half of the maximum rate cannot be asked for without the maximum.
  const first = scenarios[0];
  return chosen.includes(tailHalf) && first !== undefined && !chosen.includes(first) ? [first, ...chosen] : chosen;
}
