import { ArrivalSchedule, LatencyRecorder } from "../latency.ts";
import { resources } from "../processes/answer-orders.ts";
import type { HttpLoadOrder, HttpLoadResult } from "../processes/orders.ts";
import { HttpConnection, type HttpRequestText, requestText } from "./http-connection.ts";
import { pathOf, userIds, userJson } from "./user.ts";

/*
 * The load on a front, in the driver's process. With a rate it is an open loop: requests are due by a schedule that knows
 * nothing of answers, take the connection that is free, or wait for one, and a latency counts from when the request was due.
 * The pacer wakes every millisecond.
 */

const drainMs = 5_000;

export async function runHttpLoad(order: HttpLoadOrder): Promise<HttpLoadResult> {
  const load = new HttpLoad(order);
  await load.open();
  try {
    return await load.run();
  } finally {
    load.close();
  }
}

/** What a connection is about. */
interface Lane {
  readonly connection: HttpConnection;
  /** Nobody else asks for these users. */
  readonly requests: readonly HttpRequestText[];
  next: number;
  dueMs: number;
}

class HttpLoad {
  readonly #order: HttpLoadOrder;
  readonly #lanes = new Map<HttpConnection, Lane>();
  readonly #recorder = new LatencyRecorder();
  #schedule: ArrivalSchedule | undefined;
  #idle: Lane[] = [];
  #countFromMs = Number.POSITIVE_INFINITY;
  #calls = 0;
  #wrong = 0;
  #firstError: string | undefined;
  #running = true;

  constructor(order: HttpLoadOrder) {
    this.#order = order;
  }

  async open(): Promise<void> {
    const { port, authorization, connections } = this.#order;
    const texts = userIds.map((id) => requestText(port, pathOf(id), authorization, userJson(id)));
    for (let index = 0; index < connections; index += 1) {
      const connection = await HttpConnection.open(port, (answered, fault) => this.#answered(answered, fault));
      const requests = texts.filter((_, at) => at % connections === index);
      this.#lanes.set(connection, { connection, requests, next: 0, dueMs: 0 });
    }
  }

  close(): void {
    this.#running = false;
    for (const connection of this.#lanes.keys()) {
      connection.close();
    }
  }

  async run(): Promise<HttpLoadResult> {
    const { warmUpMs, measureMs, callsPerSecond } = this.#order;
    const start = resources();
    const startMs = start.atMs;
    this.#countFromMs = startMs + warmUpMs;
    this.#idle = [...this.#lanes.values()];
    if (callsPerSecond === undefined) {
      this.#pump();
    } else {
      this.#schedule = new ArrivalSchedule({ startMs, callsPerSecond, durationMs: warmUpMs + measureMs });
      this.#pace();
    }
    await sleep(warmUpMs);
    const before = { ...resources(), calls: this.#calls };
    await sleep(measureMs);
    const after = { ...resources(), calls: this.#calls };
    await this.#drained();
    const calls = after.calls - before.calls;
    const end = resources();
    return {
      calls,
      allCalls: this.#calls,
      ...(calls === 0
        ? { wrong: this.#wrong + 1, firstError: this.#firstError ?? "no request was answered in the time" }
        : { wrong: this.#wrong, firstError: this.#firstError }),
      elapsedMs: after.atMs - before.atMs,
      cpuMicrosPerCall: ((end.cpuMs - start.cpuMs) * 1000) / Math.max(1, this.#calls),
      p50Ms: this.#recorder.percentileMs(50),
      p99Ms: this.#recorder.percentileMs(99),
    };
  }

  /** Gives every idle connection something to do, as far as something is due. */
  #pump(): void {
    for (let lane = this.#idle.pop(); lane !== undefined; lane = this.#idle.pop()) {
      const dueMs = this.#schedule === undefined ? 0 : this.#schedule.take(performance.now());
      if (dueMs === undefined) {
        this.#idle.push(lane);
        return;
      }
      lane.dueMs = dueMs;
      const request = lane.requests[lane.next] as HttpRequestText;
      lane.next = (lane.next + 1) % lane.requests.length;
      lane.connection.send(request);
    }
  }

  #pace(): void {
    if (this.#running && this.#schedule?.finished === false) {
      this.#pump();
      setTimeout(() => this.#pace(), 1);
    }
  }

  #answered(connection: HttpConnection, fault: string | undefined): void {
    const lane = this.#lanes.get(connection) as Lane;
    this.#calls += 1;
    if (fault !== undefined) {
      this.#wrong += 1;
      this.#firstError ??= fault;
    }
    if (this.#schedule !== undefined && lane.dueMs >= this.#countFromMs) {
      this.#recorder.record(performance.now() - lane.dueMs);
    }
    this.#idle.push(lane);
    if (this.#running) {
      this.#pump();
    }
  }

  /** What is under way at the end is waited for: without answers, and with none that are late, the figures would lie. */
  async #drained(): Promise<void> {
    if (this.#schedule === undefined) {
      this.#running = false;
    }
    const untilMs = performance.now() + drainMs;
    while (this.#idle.length < this.#lanes.size || this.#schedule?.finished === false) {
      if (performance.now() > untilMs) {
        this.#wrong += 1;
        this.#firstError ??= `requests were still unanswered after ${drainMs} ms`;
        return;
      }
      await sleep(5);
    }
  }
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs);
  });
}
