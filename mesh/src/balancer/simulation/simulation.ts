import type { Outcome } from "../../breaker/blame.ts";
import { seededRandom } from "../../random.ts";
import { Balancer, type BalancerOptions } from "../balancer.ts";
import { Member } from "../member.ts";

/*
 * Callers, a balancer and instances without a network: arrays and a heap of what happens next, on virtual time, so that an
 * hour of traffic takes seconds and the same seed gives the same result. Instances answer after a time of the test's making;
 * a call is given up at its timeout. There are no retries: what is measured is the choice.
 */

export interface Answer {
  readonly afterMs: number;
  readonly outcome: Outcome;
}

export class SimulatedInstance extends Member {
  readonly index: number;
  up = true;

  constructor(index: number, nowMs: number, slowStartMs?: number) {
    super(nowMs, slowStartMs);
    this.index = index;
  }

  get reachable(): boolean {
    return this.up;
  }
}

export interface SimulationOptions {
  readonly instances: number;
  readonly callsPerSecond: number;
  readonly timeoutMs: number;
  readonly seed?: number;
  /** What the instance does with a call that arrives at `atMs`; `draw` is in [0, 1). */
  readonly answer: (index: number, atMs: number, draw: number) => Answer;
  /** In place of the balancer: chooses by a rule of the test. */
  readonly choose?: (call: number) => number;
  readonly balancer?: Partial<BalancerOptions<SimulatedInstance>>;
}

export interface SimulationResult {
  calls: number;
  succeeded: number;
  /** Nobody could be chosen. */
  refused: number;
  readonly callsOf: number[];
}

interface Ending {
  readonly atMs: number;
  readonly member: SimulatedInstance;
  readonly outcome: Outcome;
  readonly latencyMs: number;
}

export class Simulation {
  readonly members: SimulatedInstance[];
  readonly balancer: Balancer<SimulatedInstance>;
  readonly ejections: { readonly index: number; readonly atMs: number }[] = [];
  nowMs = 0;
  readonly #options: SimulationOptions;
  readonly #random;
  readonly #endings: Ending[] = [];
  #nextCallMs = 0;
  #calls = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed ?? 1);
    this.members = Array.from({ length: options.instances }, (_, index) => new SimulatedInstance(index, 0));
    this.balancer = new Balancer<SimulatedInstance>({
      random: this.#random,
      onEjection: ({ index }) => void this.ejections.push({ index, atMs: this.nowMs }),
      ...options.balancer,
    });
    for (const member of this.members) {
      this.balancer.add(member);
    }
  }

  /** Lets so much time pass; calls come at random, evenly spread over time. */
  run(durationMs: number): SimulationResult {
    const untilMs = this.nowMs + durationMs;
    const result: SimulationResult = { calls: 0, succeeded: 0, refused: 0, callsOf: this.members.map(() => 0) };
    while (this.#nextCallMs < untilMs) {
      this.#endUntil(this.#nextCallMs);
      this.nowMs = this.#nextCallMs;
      this.#call(result);
      this.#nextCallMs += (-Math.log(1 - this.#random.next()) * 1000) / this.#options.callsPerSecond;
    }
    this.#endUntil(untilMs);
    this.nowMs = untilMs;
    return result;
  }

  #call(result: SimulationResult): void {
    const { choose, answer, timeoutMs } = this.#options;
    this.#calls += 1;
    result.calls += 1;
    const member =
      choose === undefined
        ? this.balancer.pick("group", undefined, this.nowMs)
        : this.members[choose(this.#calls) % this.members.length];
    if (member === undefined) {
      result.refused += 1;
      return;
    }
    result.callsOf[member.index] = (result.callsOf[member.index] ?? 0) + 1;
    const given = answer(member.index, this.nowMs, this.#random.next());
    const late = given.afterMs > timeoutMs;
    const outcome = late ? "failure" : given.outcome;
    const latencyMs = late ? timeoutMs : given.afterMs;
    result.succeeded += outcome === "success" ? 1 : 0;
    if (choose === undefined) {
      this.#push({ atMs: this.nowMs + latencyMs, member, outcome, latencyMs });
    }
  }

  #endUntil(untilMs: number): void {
    for (let ending = this.#endings[0]; ending !== undefined && ending.atMs <= untilMs; ending = this.#endings[0]) {
      this.#pop();
      this.nowMs = ending.atMs;
      this.balancer.ended(ending.member, "group", ending.outcome, ending.latencyMs, ending.atMs);
    }
  }

  /** A binary heap by time. */
  #push(ending: Ending): void {
    const heap = this.#endings;
    let index = heap.push(ending) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if ((heap[parent] as Ending).atMs <= ending.atMs) {
        break;
      }
      heap[index] = heap[parent] as Ending;
      index = parent;
    }
    heap[index] = ending;
  }

  #pop(): void {
    const heap = this.#endings;
    const last = heap.pop() as Ending;
    const { length } = heap;
    if (length === 0) {
      return;
    }
    let index = 0;
    for (let child = 1; child < length; child = 2 * index + 1) {
      if (child + 1 < length && (heap[child + 1] as Ending).atMs < (heap[child] as Ending).atMs) {
        child += 1;
      }
      if ((heap[child] as Ending).atMs >= last.atMs) {
        break;
      }
      heap[index] = heap[child] as Ending;
      index = child;
    }
    heap[index] = last;
  }
}
