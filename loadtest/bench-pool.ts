import { full } from "./profiles/full.ts";
import { quick } from "./profiles/quick.ts";
import { picturesFrom } from "./report/results.ts";
import { rowFrom } from "./report/rows.ts";
import { runScenarios } from "./run-scenarios.ts";
import { connectionsScenario } from "./scenarios/connections.ts";
import { runScript } from "./script.ts";

/*
 * npm run bench:pool: how many connections to an instance are worth having. The defaults of the pool come from here.
 */

await runScript({
  name: "bench:pool",
  title: "Connections of a pool",
  what: "Measures Weft with its pool fixed at 1, 2, 5 and 20 connections, to one instance and to four.",
  suffix: "-pool",
  async measure(args, progress) {
    const profile = args.quick ? quick : full;
    const { samples, rounds } = await runScenarios({ scenarios: [connectionsScenario], profile, progress });
    return {
      rows: connectionsScenario.rules.map((rule) => rowFrom(rule, samples)),
      pictures: picturesFrom(connectionsScenario.charts, samples, (who) => `${who} connections`),
      notes: [`profile "${profile.name}", ${rounds} of ${profile.rounds} rounds`, "256 calls in flight"],
    };
  },
});
