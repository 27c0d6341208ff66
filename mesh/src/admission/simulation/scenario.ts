import { seededRandom } from "../../random.ts";
import { Admission } from "../admission.ts";
import { type AdmissionOptions, resolveAdmissionOptions } from "../admission-options.ts";
import type { AdmissionTicket, RefusalReason } from "../ticket-queue.ts";
import { SimulatedLoop } from "./simulated-loop.ts";

/*
 * A server under an open load: callers send whether or not they are answered, and count an answer only if it comes before
 * their deadline. A handler computes, then waits for a dependency with so many workers, then computes again; any of the
 * three may be nothing. Reading a call and refusing it cost time too, or refusing would look better than it is.
 *
 * Callers share a few connections. The bytes of a connection are read when the thread comes to it: all calls that have
 * arrived by then, at once, as a lane delivers them. The server does not know how long they lay there.
 */

type Draw = () => number;

/** Calls of one kind. */
export interface Traffic {
  /** Calls per second; Poisson arrivals. */
  readonly ratePerSecond: number | ((nowMs: number) => number);
  readonly fromMs?: number;
  readonly untilMs?: number;
  readonly priority?: number;
  /** What callers give. */
  readonly deadlineMs: number;
  /** Time on the thread before the dependency is asked, and after it has answered. */
  readonly computeMs?: Draw;
  readonly finishMs?: Draw;
  /** Time a worker of the dependency takes; not asked when absent. */
  readonly dependencyMs?: (nowMs: number) => number;
}

export interface Scenario {
  readonly traffic: readonly Traffic[];
  readonly durationMs: number;
  /** Answers count from then on. */
  readonly countedFromMs?: number;
  /** Calls that the dependency serves at once; the others wait in its line. Unlimited when absent. */
  readonly workers?: number;
  readonly admission: AdmissionOptions | false;
  readonly connections?: number;
  readonly seed?: number;
  /** Time on the thread to read a call, and to refuse one. */
  readonly readMs?: number;
  readonly refuseMs?: number;
  /** Bursts: so many calls of the first kind in one read. */
  readonly bursts?: readonly { readonly atMs: number; readonly calls: number }[];
}

export interface Outcome {
  readonly sent: number;
  /** Answered before the caller's deadline. */
  readonly good: number;
  readonly refused: number;
  readonly goodPerSecond: number;
  readonly goodShare: number;
}

export interface Result {
  readonly all: Outcome;
  readonly byTraffic: readonly Outcome[];
  /** Good answers in each second, by when they came. */
  readonly goodBySecond: readonly number[];
  readonly refusedBySecond: readonly number[];
  readonly limitBySecond: readonly number[];
  readonly reasons: Readonly<Partial<Record<RefusalReason, number>>>;
  /** Delays that callers were told, in order. */
  readonly retryAfterMs: readonly number[];
}

export function simulate(scenario: Scenario): Result {
  const simulation = new Simulation(scenario);
  return simulation.run();
}

class SimulatedCall implements AdmissionTicket {
  readonly simulation: Simulation;
  readonly traffic: Traffic;
  readonly index: number;
  readonly sentAtMs: number;
  readonly priority: number;
  deadlineMs = 0;
  enteredAtMs = 0;
  ticketNext: AdmissionTicket | undefined = undefined;
  ticketPrevious: AdmissionTicket | undefined = undefined;
  ticketQueuedAtMs = -1;

  constructor(simulation: Simulation, traffic: Traffic, index: number, sentAtMs: number) {
    this.simulation = simulation;
    this.traffic = traffic;
    this.index = index;
    this.sentAtMs = sentAtMs;
    this.priority = traffic.priority ?? 2;
  }

  admitted(nowMs: number): void {
    this.simulation.startHandler(this, nowMs);
  }

  refused(retryAfterMs: number, reason: RefusalReason): void {
    this.simulation.refused(this, retryAfterMs, reason);
  }
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #loop = new SimulatedLoop();
  readonly #admission: Admission;
  readonly #inbox: SimulatedCall[][];
  readonly #random;
  readonly #sent: number[];
  readonly #good: number[];
  readonly #refused: number[];
  readonly #goodBySecond: number[];
  readonly #refusedBySecond: number[];
  readonly #limitBySecond: number[] = [];
  readonly #reasons: Partial<Record<RefusalReason, number>> = {};
  readonly #retryAfterMs: number[] = [];
  /** When each worker of the dependency is free again. */
  readonly #workersFreeAtMs: number[];

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#random = seededRandom(scenario.seed ?? 1);
    this.#admission = new Admission(resolveAdmissionOptions(scenario.admission), {
      clock: this.#loop.clock,
      random: this.#random,
    });
    const kinds = scenario.traffic.length;
    const seconds = Math.ceil(scenario.durationMs / 1000);
    this.#inbox = Array.from({ length: scenario.connections ?? 4 }, () => []);
    this.#sent = new Array(kinds).fill(0);
    this.#good = new Array(kinds).fill(0);
    this.#refused = new Array(kinds).fill(0);
    this.#goodBySecond = new Array(seconds).fill(0);
    this.#refusedBySecond = new Array(seconds).fill(0);
    this.#workersFreeAtMs = new Array(scenario.workers ?? 0).fill(0);
  }

  run(): Result {
    const { traffic, durationMs, bursts = [] } = this.#scenario;
    for (const [index, kind] of traffic.entries()) {
      this.#arrive(kind, index, kind.fromMs ?? 0);
    }
    for (const { atMs, calls } of bursts) {
      this.#loop.readyAt(atMs, () => {
        for (let call = 0; call < calls; call += 1) {
          this.#received(new SimulatedCall(this, traffic[0] as Traffic, 0, atMs), atMs);
        }
      });
    }
    for (let second = 1; second * 1000 <= durationMs; second += 1) {
      this.#loop.runUntil(second * 1000);
      this.#limitBySecond.push(this.#admission.limit);
    }
    const countedS = (this.#countedUntilMs - this.#countedFromMs) / 1000;
    const byTraffic = traffic.map((_, index) => outcome(this.#sent, this.#good, this.#refused, [index], countedS));
    return {
      all: outcome(this.#sent, this.#good, this.#refused, [...traffic.keys()], countedS),
      byTraffic,
      goodBySecond: this.#goodBySecond,
      refusedBySecond: this.#refusedBySecond,
      limitBySecond: this.#limitBySecond,
      reasons: this.#reasons,
      retryAfterMs: this.#retryAfterMs,
    };
  }

  /** What is sent later may be answered after the end. */
  get #countedUntilMs(): number {
    return this.#scenario.durationMs - Math.max(...this.#scenario.traffic.map((kind) => kind.deadlineMs));
  }

  get #countedFromMs(): number {
    return this.#scenario.countedFromMs ?? 0;
  }

  /** The call after `atMs` lands in the socket of one of the connections; one read takes all that are there. */
  #arrive(kind: Traffic, index: number, atMs: number): void {
    const perSecond = typeof kind.ratePerSecond === "number" ? kind.ratePerSecond : kind.ratePerSecond(atMs);
    const nextMs = atMs - (1000 / perSecond) * Math.log(1 - this.#random.next());
    if (nextMs > (kind.untilMs ?? this.#scenario.durationMs)) {
      return;
    }
    const connection = Math.floor(this.#random.next() * this.#inbox.length);
    this.#loop.outside(nextMs, () => {
      this.#arrive(kind, index, nextMs);
      const inbox = this.#inbox[connection] as SimulatedCall[];
      inbox.push(new SimulatedCall(this, kind, index, nextMs));
      if (inbox.length === 1) {
        this.#loop.readyAt(nextMs, () => this.#read(connection));
      }
    });
  }

  #read(connection: number): void {
    const calls = this.#inbox[connection] as SimulatedCall[];
    this.#inbox[connection] = [];
    // The whole batch has one reading of the clock.
    const readAtMs = this.#loop.nowMs;
    for (const call of calls) {
      this.#received(call, readAtMs);
    }
  }

  #received(call: SimulatedCall, readAtMs: number): void {
    this.#count(this.#sent, call);
    this.#loop.busy(this.#scenario.readMs ?? 0.005);
    call.deadlineMs = readAtMs + call.traffic.deadlineMs;
    if (this.#admission.tryEnter(call.priority, readAtMs)) {
      this.startHandler(call, readAtMs);
    } else {
      this.#admission.enqueue(call, readAtMs);
    }
  }

  startHandler(call: SimulatedCall, nowMs: number): void {
    call.enteredAtMs = nowMs;
    this.#loop.busy(call.traffic.computeMs?.() ?? 0);
    if (call.traffic.dependencyMs === undefined) {
      this.#loop.microtask(() => this.#finish(call));
      return;
    }
    this.#loop.readyAt(this.#dependencyDoneMs(call.traffic.dependencyMs(this.#loop.nowMs)), () => this.#finish(call));
  }

  #dependencyDoneMs(serviceMs: number): number {
    const free = this.#workersFreeAtMs;
    if (free.length === 0) {
      return this.#loop.nowMs + serviceMs;
    }
    let earliest = 0;
    for (let worker = 1; worker < free.length; worker += 1) {
      earliest = (free[worker] as number) < (free[earliest] as number) ? worker : earliest;
    }
    const doneMs = Math.max(this.#loop.nowMs, free[earliest] as number) + serviceMs;
    free[earliest] = doneMs;
    return doneMs;
  }

  #finish(call: SimulatedCall): void {
    this.#loop.busy(call.traffic.finishMs?.() ?? 0);
    const nowMs = this.#loop.nowMs;
    if (nowMs - call.sentAtMs <= call.traffic.deadlineMs) {
      this.#count(this.#good, call);
      increment(this.#goodBySecond, Math.floor(nowMs / 1000));
    }
    this.#admission.leave(call.priority, call.enteredAtMs, nowMs, nowMs > call.deadlineMs ? "dropped" : "ok");
  }

  refused(call: SimulatedCall, retryAfterMs: number, reason: RefusalReason): void {
    this.#loop.busy(this.#scenario.refuseMs ?? 0.01);
    this.#count(this.#refused, call);
    increment(this.#refusedBySecond, Math.floor(this.#loop.nowMs / 1000));
    this.#reasons[reason] = (this.#reasons[reason] ?? 0) + 1;
    this.#retryAfterMs.push(retryAfterMs);
  }

  #count(counts: number[], call: SimulatedCall): void {
    if (call.sentAtMs >= this.#countedFromMs && call.sentAtMs < this.#countedUntilMs) {
      increment(counts, call.index);
    }
  }
}

function increment(counts: number[], index: number): void {
  if (index < counts.length) {
    counts[index] = (counts[index] ?? 0) + 1;
  }
}

function outcome(sent: number[], good: number[], refused: number[], kinds: number[], seconds: number): Outcome {
  const sum = (counts: number[]) => kinds.reduce((total, kind) => total + (counts[kind] ?? 0), 0);
  return {
    sent: sum(sent),
    good: sum(good),
    refused: sum(refused),
    goodPerSecond: sum(good) / seconds,
    goodShare: sum(good) / Math.max(1, sum(sent)),
  };
}

/** Distributions of service times with the given mean. */
export const serviceTimes = {
  fixed: (meanMs: number) => (): number => meanMs,
  exponential: (meanMs: number, seed = 7): Draw => {
    const random = seededRandom(seed);
    return () => -meanMs * Math.log(1 - random.next());
  },
  /** Nine short calls to each that takes 20 times as long. */
  bimodal: (meanMs: number, seed = 7): Draw => {
    const random = seededRandom(seed);
    const shortMs = meanMs / 2.9;
    return () => (random.next() < 0.1 ? shortMs * 20 : shortMs);
  },
} as const;
