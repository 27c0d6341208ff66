/**
 * Which of a model's delays are constant, and the lane of each; the lane of a random one is `noLane`.
 */
import type { Distribution } from "./architecture.ts";
import { type EventQueue, noLane } from "./event-queue.ts";
import type { Model } from "./model.ts";

const nsPerMs = 1e6;

export class ModelLanes {
  /** By component: its own work. */
  readonly work: Int32Array;
  /** By link: the way there, the way back, and the caller's patience. */
  readonly request: Int32Array;
  readonly answer: Int32Array;
  readonly timeout: Int32Array;

  constructor(model: Model, queue: EventQueue) {
    this.work = Int32Array.from(model.components, ({ serviceTime }) => laneOf(queue, constantNs(serviceTime)));
    const roundTrips = model.links.map(({ latency }) => constantNs(latency));
    // As `RequestFlow` splits a round trip: the odd nanosecond goes one way.
    this.request = Int32Array.from(roundTrips, (ns) => laneOf(queue, ns === undefined ? ns : Math.round(ns / 2)));
    this.answer = Int32Array.from(roundTrips, (ns) => laneOf(queue, ns === undefined ? ns : ns - Math.round(ns / 2)));
    this.timeout = Int32Array.from(model.links, ({ timeoutMs }) => laneOf(queue, Math.round(timeoutMs * nsPerMs)));
  }
}

function constantNs({ kind, meanMs }: Distribution): number | undefined {
  return kind === "constant" || meanMs === 0 ? Math.round(meanMs * nsPerMs) : undefined;
}

function laneOf(queue: EventQueue, delayNs: number | undefined): number {
  return delayNs === undefined ? noLane : queue.laneOf(delayNs);
}
