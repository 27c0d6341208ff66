import { startSystem } from "./processes/system.ts";
import { picturesFrom } from "./report/results.ts";
import { type RowRule, rowFrom } from "./report/rows.ts";
import { orderOfRound, Samples } from "./rounds.ts";
import { measureRoute, prepareRoutes, type Route } from "./scenarios/gateway-routes.ts";
import { runScript } from "./script.ts";

/*
 * npm run bench:gateway: the whole system as a client meets it, over HTTP. There is no peer: the rows are figures of this
 * machine, which also runs the driver, every service and the database. autocannon drives from this process.
 */

const profiles = {
  full: { rounds: 3, phase: { connections: 32, seconds: 6 }, budgetMs: 240_000 },
  quick: { rounds: 1, phase: { connections: 32, seconds: 2 }, budgetMs: 40_000 },
} as const;

await runScript({
  name: "bench:gateway",
  title: "The gateway",
  what: "Starts the whole system on ports of its own and drives the gateway over HTTP with autocannon.",
  suffix: "-gateway",
  async measure(args, progress) {
    const startedMs = performance.now();
    const { rounds, phase, budgetMs } = args.quick ? profiles.quick : profiles.full;
    const samples = new Samples();
    progress("starting the system");
    const system = await startSystem();
    const endOnSignal = (): void => void system.stop().finally(() => process.exit(130));
    process.once("SIGINT", endOnSignal);
    process.once("SIGTERM", endOnSignal);
    try {
      const routes = (await prepareRoutes(system.address)).filter(
        ({ id }) => args.only.length === 0 || args.only.some((part) => id.includes(part)),
      );
      // Whatever is cold in five processes and a database is so once, and is not what is asked here.
      for (const route of routes) {
        const warmUp = { address: system.address, phase: { connections: 32, seconds: 1 }, round: 0 };
        await measureRoute(route, { ...warmUp, samples: new Samples() });
      }
      for (let round = 0; round < rounds && performance.now() - startedMs < budgetMs; round += 1) {
        for (const route of orderOfRound(routes, round)) {
          const figures = await measureRoute(route, { address: system.address, phase, round, samples });
          progress(`round ${round + 1}/${rounds}  ${route.id}: ${figures}`);
        }
      }
      return {
        rows: routes.flatMap(rulesOf).map((rule) => rowFrom(rule, samples)),
        pictures: picturesFrom(
          [
            { series: "rate", title: "Requests per second", unit: "requests/s", better: "more" },
            { series: "p99", title: "p99 at half of that rate", unit: "ms", better: "less" },
          ],
          samples,
          (who) => who,
        ),
        notes: [`${phase.connections} connections of HTTP/1.1, ${phase.seconds} s each; everything on one machine`],
      };
    } finally {
      process.off("SIGINT", endOnSignal);
      process.off("SIGTERM", endOnSignal);
      await system.stop();
    }
  },
});

function rulesOf({ id, what }: Route): readonly RowRule[] {
  const shared = { ours: id, atLeast: null };
  const atHalf = `${what}, at half of its maximum rate`;
  return [
    { id: `gateway/${id}`, what, series: "rate", unit: "requests/s", better: "more", ...shared },
    { id: `gateway/${id}/p50`, what: `p50 of ${atHalf}`, series: "p50", unit: "ms", better: "less", ...shared },
    { id: `gateway/${id}/p99`, what: `p99 of ${atHalf}`, series: "p99", unit: "ms", better: "less", ...shared },
  ];
}
