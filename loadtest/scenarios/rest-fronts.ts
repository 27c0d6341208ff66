import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "../processes/child.ts";
import type { Crew } from "../processes/crew.ts";
import type { HttpLoadOrder, HttpLoadResult, MainFile, Order, Resources } from "../processes/orders.ts";
import type { System } from "../processes/system.ts";
import type { RowRule } from "../report/rows.ts";
import { formatNumber } from "../report/table.ts";
import type { RestPart } from "../rest/parts.ts";
import { pathOf, userIds } from "../rest/user.ts";
import { orderOfRound, type Samples } from "../rounds.ts";

/*
 * REST in front of a service, three ways: our gateway with everything on (token, rate limit in Redis, validation, metrics,
 * trace) and our mesh; fastify and grpc-js with nothing of that; and uWebSockets.js that only answers. Each front is one
 * process, so is the service behind it, and one driver puts the load on all of them in turn.
 *
 * On a machine of two processors a rate says whose processes crowd each other as much as what a request costs. So the CPU of
 * the serving processes per request stands beside it: of the front alone, and with the service behind it.
 */

export interface RestPhase {
  readonly warmUpMs: number;
  readonly measureMs: number;
}

type Who = "weft" | "fastify" | "bare";

interface Front {
  readonly who: Who;
  readonly label: string;
  readonly port: number;
  frontCpuMs(): Promise<number>;
  /** Of the service behind it. */
  serviceCpuMs(): Promise<number>;
}

const connections = 64;
const startLimitMs = 30_000;
const quickAnswerMs = 5_000;
const graceMs = 20_000;
/** Beyond that the driver itself would be late. */
const mostCallsPerSecond = 20_000;

export class RestFronts {
  readonly #authorization: string;
  readonly #driver: Child;
  readonly #fronts: readonly Front[];

  private constructor(crew: Crew, authorization: string, fronts: readonly Front[]) {
    this.#authorization = authorization;
    this.#driver = crew.spawn("the driver", "driver-main.ts");
    this.#fronts = fronts;
  }

  /** `system` has the gateway and the auth service, in the registry of the crew; `accessToken` is good there. */
  static async start(crew: Crew, system: System, users: Child, accessToken: string): Promise<RestFronts> {
    const gateway = new URL(system.address);
    const grpcUsers = await startPart(crew, "grpc-users");
    const fastify = await startPart(crew, "fastify", grpcUsers.port);
    const bare = await startPart(crew, "bare");
    await answering(`${system.address}${pathOf(userIds[0] ?? "")}`, accessToken);
    return new RestFronts(crew, `Bearer ${accessToken}`, [
      {
        ...{ who: "weft", label: "Weft", port: Number(gateway.port) },
        frontCpuMs: () => cpuOfMetrics(`http://${gateway.hostname}:${Number(gateway.port) + 2}/metrics`),
        serviceCpuMs: () => cpuOf(users),
      },
      {
        ...{ who: "fastify", label: "fastify + grpc-js", port: fastify.port },
        frontCpuMs: () => cpuOf(fastify.child),
        serviceCpuMs: () => cpuOf(grpcUsers.child),
      },
      {
        ...{ who: "bare", label: "bare uWebSockets.js", port: bare.port },
        frontCpuMs: () => cpuOf(bare.child),
        serviceCpuMs: async () => 0,
      },
    ]);
  }

  /** Nothing of it counts. */
  async warmUp(measureMs: number): Promise<void> {
    for (const front of this.#fronts) {
      await this.#load(front, { warmUpMs: 0, measureMs });
    }
  }

  async measure(round: number, phase: RestPhase, samples: Samples, progress: (line: string) => void): Promise<void> {
    for (const front of orderOfRound(this.#fronts, round)) {
      try {
        progress(`${front.label}: ${await this.#measureOne(front, round, phase, samples)}`);
      } catch (error) {
        for (const series of allSeries) {
          samples.fail(series, front.who, error instanceof Error ? error.message : String(error));
        }
      }
    }
  }

  async #measureOne(front: Front, round: number, phase: RestPhase, samples: Samples): Promise<string> {
    const { who } = front;
    const before = [await front.frontCpuMs(), await front.serviceCpuMs()] as const;
    const most = await this.#load(front, phase);
    const after = [await front.frontCpuMs(), await front.serviceCpuMs()] as const;
    const rate = (most.calls * 1000) / most.elapsedMs;
    const frontMicros = ((after[0] - before[0]) * 1000) / most.allCalls;
    const serviceMicros = ((after[1] - before[1]) * 1000) / most.allCalls;
    const half = await this.#load(front, { ...phase, callsPerSecond: Math.min(mostCallsPerSecond, rate / 2) });
    for (const series of allSeries) {
      const wrong = most.wrong + half.wrong;
      if (wrong > 0) {
        samples.fail(series, who, `${wrong} wrong or failed requests: ${most.firstError ?? half.firstError ?? ""}`);
      }
    }
    samples.add("rest", who, round, rate);
    samples.add("rest-cpu-front", who, round, frontMicros);
    samples.add("rest-cpu", who, round, frontMicros + serviceMicros);
    samples.add("rest-p50", who, round, half.p50Ms);
    samples.add("rest-p99", who, round, half.p99Ms);
    return [
      `${formatNumber(rate)} requests/s`,
      `CPU ${frontMicros.toFixed(1)} + ${serviceMicros.toFixed(1)} µs, driver ${most.cpuMicrosPerCall.toFixed(1)} µs`,
      `p50 ${half.p50Ms.toFixed(2)}, p99 ${half.p99Ms.toFixed(2)} ms at half`,
    ].join("; ");
  }

  #load(front: Front, phase: RestPhase & Pick<HttpLoadOrder, "callsPerSecond">): Promise<HttpLoadResult> {
    const order = { kind: "http-load", port: front.port, authorization: this.#authorization, connections } as const;
    return this.#driver.ask<HttpLoadResult>({ ...order, ...phase }, phase.warmUpMs + phase.measureMs + graceMs);
  }
}

const allSeries = ["rest", "rest-cpu-front", "rest-cpu", "rest-p50", "rest-p99"] as const;

const peers = [
  { peer: "fastify", peerName: "fastify + grpc-js", atLeast: 5 },
  { peer: "bare", peerName: "bare uWebSockets.js", atLeast: 0.2 },
] as const;

const asHalf = `at half of its own maximum rate, ${formatNumber(mostCallsPerSecond)} a second at most`;

export const restRules: readonly RowRule[] = peers.flatMap(({ peer, peerName, atLeast }) => {
  const shared = { ours: "weft", peer, peerName, atLeast: null };
  const less = { ...shared, better: "less" as const };
  const what = `GET of a user through a gateway to a service, ${connections} connections`;
  return [
    { ...shared, id: `gateway/rest/${peer}`, what, series: "rest", unit: "requests/s", better: "more", atLeast },
    {
      ...less,
      id: `gateway/rest/cpu-front/${peer}`,
      what: "CPU of the front per request",
      series: "rest-cpu-front",
      unit: "µs",
    },
    {
      ...less,
      id: `gateway/rest/cpu/${peer}`,
      what: "CPU of front and service per request",
      series: "rest-cpu",
      unit: "µs",
    },
    { ...less, id: `gateway/rest/p50/${peer}`, what: `p50 of that, ${asHalf}`, series: "rest-p50", unit: "ms" },
    { ...less, id: `gateway/rest/p99/${peer}`, what: `p99 of that, ${asHalf}`, series: "rest-p99", unit: "ms" },
  ];
});

/** The service behind our gateway, which the auth service asks for accounts too. */
export async function startUsers(crew: Crew): Promise<Child> {
  return (await startPart(crew, "weft-users")).child;
}

async function startPart(crew: Crew, part: RestPart, usersPort = 0): Promise<{ child: Child; port: number }> {
  const main: MainFile = "part-main.ts";
  const child = crew.spawn(part, main);
  const settings = { redisUrl: crew.redisUrl, usersPort };
  return { child, port: await child.ask<number>({ kind: "serve-part", part, settings }, startLimitMs) };
}

async function cpuOf(child: Child): Promise<number> {
  const order: Order = { kind: "resources" };
  return (await child.ask<Resources>(order, quickAnswerMs)).cpuMs;
}

/** Of a process that is not the bench's own, as its metrics say. */
async function cpuOfMetrics(url: string): Promise<number> {
  const text = await (await fetch(url)).text();
  const seconds = /^process_cpu_seconds_total(?:\{[^}]*\})? (\S+)/m.exec(text)?.[1];
  if (seconds === undefined) {
    throw new Error(`${url} says nothing of process_cpu_seconds_total`);
  }
  return Number(seconds) * 1000;
}

/** A gateway learns of a service within moments of its start. */
async function answering(url: string, accessToken: string): Promise<void> {
  const untilMs = performance.now() + startLimitMs;
  for (;;) {
    const response = await fetch(url, { headers: { authorization: `Bearer ${accessToken}` } });
    if (response.ok) {
      return;
    }
    if (performance.now() > untilMs) {
      throw new Error(`${url} still answers with ${response.status}: ${await response.text()}`);
    }
    await delay(50);
  }
}
