import { setTimeout as sleep } from "node:timers/promises";
import type { BenchArguments } from "./arguments.ts";
import { Crew } from "./processes/crew.ts";
import { type System, startSystem } from "./processes/system.ts";
import { picturesFrom } from "./report/results.ts";
import { type RowRule, rowFrom } from "./report/rows.ts";
import { orderOfRound, Samples } from "./rounds.ts";
import { measureRoute, prepareRoutes, type Route, routeIds, signUp } from "./scenarios/gateway-routes.ts";
import { RestFronts, restRules, startUsers } from "./scenarios/rest-fronts.ts";
import { TokenValidation, tokenRules } from "./scenarios/token-validation.ts";
import { runScript } from "./script.ts";

/*
 * npm run bench:gateway, in two systems one after the other:
 *
 * - gateway and auth service as they are, with a user service that stores nothing: the way from REST through the gateway to a
 *   service and back, beside two peers (scenarios/rest-fronts.ts), and ValidateToken (scenarios/token-validation.ts);
 * - the whole system, whose routes are figures of this machine without a peer, driven by autocannon from this process.
 */

const profiles = {
  full: {
    rest: { rounds: 9, phase: { warmUpMs: 300, measureMs: 2500 }, firstWarmUpMs: 5000 },
    tokens: { rounds: 5, phase: { warmUpMs: 500, measureMs: 4000 } },
    routes: { rounds: 3, phase: { connections: 32, seconds: 6 } },
    budgetMs: 330_000,
  },
  quick: {
    rest: { rounds: 1, phase: { warmUpMs: 200, measureMs: 1000 }, firstWarmUpMs: 1500 },
    tokens: { rounds: 1, phase: { warmUpMs: 500, measureMs: 1500 } },
    routes: { rounds: 1, phase: { connections: 32, seconds: 1 } },
    budgetMs: 42_000,
  },
} as const;

const discoveryMs = 15_000;

type Profile = (typeof profiles)["full" | "quick"];

interface Run {
  readonly args: BenchArguments;
  readonly profile: Profile;
  readonly samples: Samples;
  readonly untilMs: number;
  progress(line: string): void;
}

await runScript({
  name: "bench:gateway",
  title: "The gateway",
  what: "Starts the system on ports of its own and drives the gateway over HTTP, beside fastify + grpc-js and bare uWebSockets.js.",
  suffix: "-gateway",
  async measure(args, progress) {
    const profile = args.quick ? profiles.quick : profiles.full;
    const run: Run = { args, profile, samples: new Samples(), untilMs: performance.now() + profile.budgetMs, progress };
    const rules = [...(await measureFronts(run)), ...(await measureWhole(run))];
    return {
      rows: rules.map((rule) => rowFrom(rule, run.samples)),
      pictures: picturesFrom(
        [
          {
            series: "rest",
            title: "REST to a service and back, requests per second",
            unit: "requests/s",
            better: "more",
          },
          { series: "rest-cpu", title: "CPU of front and service per request", unit: "µs", better: "less" },
          { series: "rest-p99", title: "p99 of that at half of each one's maximum rate", unit: "ms", better: "less" },
          { series: "rate", title: "Requests per second, whole system", unit: "requests/s", better: "more" },
          { series: "p99", title: "p99 at half of that rate", unit: "ms", better: "less" },
        ],
        run.samples,
        (who) => who,
      ),
      notes: [
        "HTTP/1.1 without pipelining; everything on one machine; Redis is not in the CPU figures",
        `whole system: ${profile.routes.phase.connections} connections, ${profile.routes.phase.seconds} s each`,
      ],
    };
  },
});

/** The rows of these rules whose id holds what was asked for; all when nothing was. */
function chosen(rules: readonly RowRule[], { only }: BenchArguments): readonly RowRule[] {
  return rules.filter(({ id }) => only.length === 0 || only.some((part) => id.includes(part)));
}

async function measureFronts(run: Run): Promise<readonly RowRule[]> {
  const { args, profile, samples, untilMs, progress } = run;
  const rest = chosen(restRules, args);
  const tokens = chosen(tokenRules, args);
  if (rest.length + tokens.length === 0) {
    return [];
  }
  const crew = await Crew.start();
  // Beside the system's own end, which ends this process when it is over.
  const endOnSignal = (): void => void crew.stop();
  process.once("SIGINT", endOnSignal);
  process.once("SIGTERM", endOnSignal);
  try {
    progress("starting gateway, auth service and a service that stores nothing");
    const users = await startUsers(crew);
    const options = { only: ["gateway", "auth"], redisUrl: crew.redisUrl };
    await withSystem(options, async (system) => {
      const people = [await firstAccount(system), await signUp(system.address)];
      if (tokens.length > 0) {
        const { phase, rounds } = profile.tokens;
        const asked = people.map(({ userId, accessToken: token }) => ({ userId, token }));
        const validation = await TokenValidation.start(crew, asked, phase);
        for (let round = 0; round < rounds; round += 1) {
          await validation.measure(round, phase, samples, (line) => progress(`round ${round + 1}/${rounds}  ${line}`));
        }
        await validation.stop();
      }
      if (rest.length > 0) {
        const fronts = await RestFronts.start(crew, system, users, people[0]?.accessToken ?? "");
        await fronts.warmUp(profile.rest.firstWarmUpMs);
        for (let round = 0; round < profile.rest.rounds && (round === 0 || performance.now() < untilMs); round += 1) {
          const say = (line: string): void => progress(`round ${round + 1}/${profile.rest.rounds}  ${line}`);
          await fronts.measure(round, profile.rest.phase, samples, say);
        }
      }
    });
  } finally {
    process.off("SIGINT", endOnSignal);
    process.off("SIGTERM", endOnSignal);
    await crew.stop();
  }
  return [...rest, ...tokens];
}

async function measureWhole({ args, profile, samples, untilMs, progress }: Run): Promise<readonly RowRule[]> {
  const isChosen = (route: Pick<Route, "id" | "what">): boolean => chosen(rulesOf(route), args).length > 0;
  if (!routeIds.some((id) => isChosen({ id, what: "" }))) {
    return [];
  }
  progress("starting the whole system");
  return withSystem({}, async ({ address }) => {
    const routes = (await prepareRoutes(address)).filter(isChosen);
    const { rounds, phase } = profile.routes;
    // Whatever is cold in five processes and a database is so once, and is not what is asked here.
    for (const route of routes) {
      const warmUp = { address, phase: { connections: 32, seconds: 1 }, round: 0 };
      await measureRoute(route, { ...warmUp, samples: new Samples() });
    }
    for (let round = 0; round < rounds && (round === 0 || performance.now() < untilMs); round += 1) {
      for (const route of orderOfRound(routes, round)) {
        const figures = await measureRoute(route, { address, phase, round, samples });
        progress(`round ${round + 1}/${rounds}  ${route.id}: ${figures}`);
      }
    }
    return routes.flatMap(rulesOf);
  });
}

async function withSystem<T>(
  options: Parameters<typeof startSystem>[0],
  work: (system: System) => Promise<T>,
): Promise<T> {
  const system = await startSystem(options);
  const endOnSignal = (): void => void system.stop().finally(() => process.exit(130));
  process.once("SIGINT", endOnSignal);
  process.once("SIGTERM", endOnSignal);
  try {
    return await work(system);
  } finally {
    process.off("SIGINT", endOnSignal);
    process.off("SIGTERM", endOnSignal);
    await system.stop();
  }
}

/** Services learn of each other within moments of their start. */
async function firstAccount({ address }: System): ReturnType<typeof signUp> {
  const untilMs = performance.now() + discoveryMs;
  for (;;) {
    try {
      return await signUp(address);
    } catch (error) {
      if (performance.now() > untilMs) {
        throw error;
      }
      await sleep(100);
    }
  }
}

function rulesOf({ id, what }: Pick<Route, "id" | "what">): readonly RowRule[] {
  const shared = { ours: id, atLeast: null };
  const atHalf = `${what}, at half of its maximum rate`;
  return [
    { id: `gateway/${id}`, what, series: "rate", unit: "requests/s", better: "more", ...shared },
    { id: `gateway/${id}/p50`, what: `p50 of ${atHalf}`, series: "p50", unit: "ms", better: "less", ...shared },
    { id: `gateway/${id}/p99`, what: `p99 of ${atHalf}`, series: "p99", unit: "ms", better: "less", ...shared },
  ];
}
