import { setTimeout as delay } from "node:timers/promises";
import type { ContenderId } from "../contenders/contender.ts";
import type { Child } from "./child.ts";
import type { Crew } from "./crew.ts";
import type {
  ClosedLoopOrder,
  HoldResult,
  LoadResult,
  OpenLoopOrder,
  Order,
  Resources,
  ServerStart,
  Started,
} from "./orders.ts";

/*
 * The server process (or processes) and the client process of one contender. They live for the whole run and rest while
 * others are measured, so that every figure is of warm code.
 */

const startLimitMs = 30_000;
/** Beyond what a measurement takes: the end of the calls in flight, and a machine that is busy otherwise. */
const graceMs = 15_000;
const quickAnswerMs = 5_000;
const arriveWithinMs = 3_000;

export interface PairOptions {
  readonly contender: ContenderId;
  /** How this pair is called in messages and, for ours, in the registry. */
  readonly name: string;
  readonly connections?: number;
  /** Server processes; only ours spreads calls over several. */
  readonly instances?: number;
}

/** A measurement with the CPU of both sides. */
export interface PairResult extends LoadResult {
  readonly callsPerSecond: number;
  readonly serverCpuMicrosPerCall: number;
}

export class Pair {
  readonly contender: ContenderId;
  readonly label: string;
  readonly note: string;
  /** Of the first server. */
  readonly port: number;
  readonly #crew: Crew;
  readonly #servers: readonly Child[];
  readonly #client: Child;

  private constructor(crew: Crew, contender: ContenderId, started: Started, servers: readonly Child[], client: Child) {
    this.#crew = crew;
    this.contender = contender;
    this.label = started.label;
    this.note = started.note;
    this.port = started.port;
    this.#servers = servers;
    this.#client = client;
  }

  /** Rejects, with its processes ended, when one of them does not start. */
  static async start(crew: Crew, options: PairOptions): Promise<Pair> {
    const { contender, name, connections, instances = 1 } = options;
    const settings = {
      redisUrl: crew.redisUrl,
      serviceName: name,
      instances,
      ...(connections === undefined ? {} : { connections }),
    };
    const servers = Array.from({ length: instances }, () => crew.spawn(`the server of ${name}`, "server-main.ts"));
    const client = crew.spawn(`the client of ${name}`, "client-main.ts");
    try {
      const serve: ServerStart = { kind: "serve", contender, settings };
      const started = await Promise.all(servers.map((server) => server.ask<Started>(serve, startLimitMs)));
      const first = started[0];
      if (first === undefined) {
        throw new Error(`${name} has no server`);
      }
      await client.ask({ kind: "connect", contender, port: first.port, settings }, startLimitMs);
      return new Pair(crew, contender, first, servers, client);
    } catch (error) {
      await crew.dismiss([...servers, client]);
      throw error;
    }
  }

  async load(order: ClosedLoopOrder | OpenLoopOrder): Promise<PairResult> {
    const limitMs = order.warmUpMs + order.measureMs + graceMs;
    const result = this.#client.ask<LoadResult>(order, limitMs);
    const watched = this.#serverCpuPerMs(order);
    const [load, cpuPerMs] = await Promise.all([result, watched]);
    return {
      ...load,
      callsPerSecond: (load.calls * 1000) / load.elapsedMs,
      serverCpuMicrosPerCall: load.calls === 0 ? 0 : (cpuPerMs * load.elapsedMs * 1000) / load.calls,
    };
  }

  /** CPU that both sides use in a time without calls, in ms. */
  async idleCpuMs(durationMs: number): Promise<number> {
    const all = [...this.#servers, this.#client];
    const before = await resourcesOf(all);
    await delay(durationMs);
    const after = await resourcesOf(all);
    return after.cpuMs - before.cpuMs;
  }

  /** Bytes alive on both sides. */
  async heapBytes(): Promise<number> {
    const order: Order = { kind: "heap" };
    return (await this.#total(order)) + (await this.#client.ask<number>(order, quickAnswerMs));
  }

  /** Sends calls that stay unanswered; resolves when all are at the server, and rejects when they do not get there. */
  async hold(calls: number): Promise<void> {
    await this.#client.ask({ kind: "hold", calls }, quickAnswerMs);
    const deadlineMs = performance.now() + arriveWithinMs;
    for (;;) {
      const held = await this.#total({ kind: "held" });
      if (held === calls) {
        return;
      }
      if (performance.now() > deadlineMs) {
        throw new Error(`${held} of ${calls} calls had reached the server after ${arriveWithinMs} ms`);
      }
      await delay(20);
    }
  }

  async letGo(): Promise<HoldResult> {
    await Promise.all(this.#servers.map((server) => server.ask({ kind: "let-go" }, quickAnswerMs)));
    return this.#client.ask<HoldResult>({ kind: "let-go" }, quickAnswerMs);
  }

  /** Undefined where they cannot be counted. */
  openConnections(): Promise<number | undefined> {
    return this.#client.ask<number | undefined>({ kind: "open-connections" }, quickAnswerMs);
  }

  /** Whether both sides still answer. */
  async responds(): Promise<boolean> {
    try {
      await resourcesOf([...this.#servers, this.#client]);
      return true;
    } catch {
      return false;
    }
  }

  stop(): Promise<void> {
    return this.#crew.dismiss([...this.#servers, this.#client]);
  }

  async #total(order: Order): Promise<number> {
    const all = await Promise.all(this.#servers.map((server) => server.ask<number>(order, quickAnswerMs)));
    return all.reduce((sum, one) => sum + one, 0);
  }

  /** By the servers' own clocks: a busy one answers late, and its reading is of that later time. */
  async #serverCpuPerMs(order: { readonly warmUpMs: number; readonly measureMs: number }): Promise<number> {
    await delay(order.warmUpMs);
    const before = await resourcesOf(this.#servers);
    await delay(order.measureMs);
    const after = await resourcesOf(this.#servers);
    return (after.cpuMs - before.cpuMs) / (after.atMs - before.atMs);
  }
}

/** The CPU of all, at the time of the first. */
async function resourcesOf(children: readonly Child[]): Promise<Resources> {
  const order: Order = { kind: "resources" };
  const all = await Promise.all(children.map((child) => child.ask<Resources>(order, quickAnswerMs)));
  return { cpuMs: all.reduce((sum, { cpuMs }) => sum + cpuMs, 0), atMs: all[0]?.atMs ?? 0 };
}
