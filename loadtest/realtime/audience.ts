import { setTimeout as sleep } from "node:timers/promises";
import { LiveProcess } from "./live-process.ts";
import type { LiveServer } from "./live-servers.ts";
import { type Counted, machineMs, type Published, type PublishOrder, type Schedule } from "./orders.ts";
import { cpuSecondsOf } from "./server-figures.ts";

/*
 * The clients of one server, and what they see while somebody publishes to them. Counts and CPU are of a stretch in the middle
 * of the publishing; afterwards everybody must have everything.
 */

/** Of a stretch of time. */
export interface FanOutFigures {
  readonly deliveriesPerSecond: number;
  readonly deliveriesPerCpuSecond: number;
  readonly messagesPerSecond: number;
  readonly p99Ms: number;
}

const answerLimitMs = 10_000;
const openLimitMs = 120_000;
const arriveWithinMs = 15_000;
const warmUpMs = 500;
const startsInMs = 50;
const tellEveryMs = 4;
/** On their way to all clients of a closed loop: tens of milliseconds for the fastest. */
const deliveriesUnderWay = 40_000;

export class Audience {
  readonly server: LiveServer;
  readonly #process: LiveProcess;
  #clients = 0;

  constructor(server: LiveServer, folder: string, name: string) {
    this.server = server;
    this.#process = new LiveProcess("client-main.ts", folder, `clients-${name}`);
  }

  get clients(): number {
    return this.#clients;
  }

  /** That many more connections. */
  async open(connections: number): Promise<void> {
    const { id: contender, port, token } = this.server;
    await this.#process.ask({ kind: "open", contender, port, token, connections }, openLimitMs);
    this.#clients += connections;
  }

  /** Those that are not subscribed yet. */
  async subscribe(channels: readonly string[] = [this.server.channel]): Promise<void> {
    await this.#process.ask({ kind: "subscribe", channels }, openLimitMs);
  }

  /** As many messages as arrive. */
  async saturate(measureMs: number): Promise<FanOutFigures> {
    const { publisher, channel } = this.server;
    await this.#process.ask({ kind: "count", tellEveryMs }, answerLimitMs);
    this.#process.onFrames = (frames) => publisher.tell({ arrived: Math.floor(frames / this.#clients) });
    const window = Math.max(2, Math.round(deliveriesUnderWay / this.#clients));
    const durationMs = warmUpMs + measureMs + warmUpMs / 2;
    return this.#measure({ kind: "publish-closed", channel, window, durationMs }, measureMs);
  }

  /** At a rate, each delivery late from when its message was due. */
  async pace(
    rate: Omit<Schedule, "startMs">,
    measureMs: number,
    channels: readonly string[] = [this.server.channel],
  ): Promise<FanOutFigures> {
    const durationMs = warmUpMs + measureMs + warmUpMs / 2;
    const schedule = { ...rate, startMs: machineMs() + startsInMs };
    await this.#process.ask({ kind: "count", schedule }, answerLimitMs);
    return this.#measure({ kind: "publish-open", channels, schedule, durationMs }, measureMs);
  }

  async close(): Promise<void> {
    await this.#process.ask({ kind: "close" }, answerLimitMs);
    await this.#process.stop();
  }

  /** At once, for the last moment of the bench. */
  kill(): void {
    this.#process.kill();
  }

  async #measure(order: PublishOrder, measureMs: number): Promise<FanOutFigures> {
    const publishing = this.server.publisher.ask<Published>(order, order.durationMs + arriveWithinMs);
    // It is looked at later; until then a failure must not end the process.
    publishing.catch(() => undefined);
    await sleep(warmUpMs);
    const before = await this.#look();
    await sleep(measureMs);
    const after = await this.#look();
    const published = await publishing;
    const total = await this.#untilArrived(order, published);
    this.#process.onFrames = undefined;
    const seconds = (after.counted.atMs - before.counted.atMs) / 1000;
    const frames = after.counted.frames - before.counted.frames;
    const cpuShare = (after.cpuSeconds - before.cpuSeconds) / ((after.cpuAtMs - before.cpuAtMs) / 1000);
    return {
      deliveriesPerSecond: frames / seconds,
      deliveriesPerCpuSecond: frames / seconds / cpuShare,
      messagesPerSecond: (published.messages * 1000) / order.durationMs,
      p99Ms: total.p99Ms,
    };
  }

  async #look(): Promise<{ counted: Counted; cpuSeconds: number; cpuAtMs: number }> {
    const asked = this.#process.ask<Counted>({ kind: "counted" }, answerLimitMs);
    const cpuSeconds = cpuSecondsOf(this.server.pid);
    const cpuAtMs = machineMs();
    return { counted: await asked, cpuSeconds, cpuAtMs };
  }

  /** Throws when somebody does not get everything, once and in order. */
  async #untilArrived(order: PublishOrder, { frames, failed }: Published): Promise<Counted> {
    const channels = order.kind === "publish-closed" ? 1 : order.channels.length;
    const each = frames / channels;
    const deadlineMs = performance.now() + arriveWithinMs;
    for (;;) {
      const counted = await this.#process.ask<Counted>({ kind: "counted" }, answerLimitMs);
      if (counted.faults.length > 0 || failed > 0) {
        throw new Error(`${failed} messages were not published; ${counted.faults.join("; ")}`);
      }
      if (counted.fewest === each && counted.frames === each * this.#clients) {
        return counted;
      }
      if (performance.now() > deadlineMs) {
        throw new Error(
          `of ${each * this.#clients} deliveries ${counted.frames} came, ${counted.fewest} to one client`,
        );
      }
      await sleep(20);
    }
  }
}
