/**
 * A component in one run: its luck, and the settings that a change may replace while the run goes on.
 *
 * Every kind of number is drawn from a stream of its own, named by the component's id, so that no component is disturbed by
 * what the others do, and two versions of a design share their luck where they are alike.
 */
import { Chooser } from "./balancing.ts";
import { ZipfKeys } from "./cache/zipf.ts";
import type { ComponentStatistics } from "./component-statistics.ts";
import { DurationSampler } from "./distribution.ts";
import { type ErrorCode, failure, failureOf, usualCode } from "./error-codes.ts";
import { type EventQueue, noLane as withoutLane } from "./event-queue.ts";
import type { ModelComponent } from "./model.ts";
import { RandomStream } from "./random.ts";
import type { RequestCounts } from "./request-counts.ts";
import { constantNs, type RunLink } from "./run-link.ts";

/** The compiler knows a file's own constants; those that are imported are read from memory each time. */
const noLane = withoutLane;

/** Errors of one code, beside the usual ones. */
interface CodedErrors {
  readonly code: ErrorCode;
  readonly stream: RandomStream;
  ratio: number;
  failure: number;
}

export class RunComponent {
  readonly model: ModelComponent;
  readonly index: number;
  readonly links: readonly RunLink[];
  readonly counts: RequestCounts;
  readonly isParallel: boolean;
  readonly isBalancer: boolean;
  readonly isQueue: boolean;
  readonly isCache: boolean;
  readonly holdsSlot: boolean;
  readonly sharesCores: boolean;
  readonly workLane: number;
  errorRatio: number;
  /** How the last request failed of which `fails` said so. */
  failure: number = failure.usual;
  /** Multiplies the own work of its instances. */
  workFactor = 1;
  /** Multiplies the hit ratio of a cache without keys. */
  hitFactor = 1;
  /** Calls under way on each link of a load balancer, for its choice. */
  readonly linkLoad: Int32Array;
  readonly #chooser: Chooser;
  readonly #serviceTime: DurationSampler;
  readonly #seed: number;
  readonly #error: RandomStream;
  #usualFailure: number = failure.usual;
  /** Absent until a change brings some. */
  #codedErrors: CodedErrors[] | undefined;
  readonly #hit: RandomStream;
  readonly #lock: RandomStream;
  readonly #lockKeys: ZipfKeys | undefined;
  /** How many of its links have a weight. */
  readonly #choosable: number;

  constructor(
    model: ModelComponent,
    links: readonly RunLink[],
    seed: number,
    { queue, statistics }: { readonly queue: EventQueue; readonly statistics: ComponentStatistics },
  ) {
    const { id, serviceTime, locks } = model;
    this.model = model;
    this.index = model.index;
    this.links = links;
    this.counts = statistics.requestsAt(model.index);
    this.isParallel = model.isParallel;
    this.isBalancer = model.isBalancer;
    this.isQueue = model.isQueue;
    this.isCache = model.isCache;
    this.holdsSlot = model.holdsSlot;
    this.sharesCores = model.cpus > 0;
    this.errorRatio = model.errorRatio;
    const workNs = constantNs(serviceTime);
    this.workLane = workNs === undefined ? noLane : queue.laneOf(workNs);
    this.#serviceTime = new DurationSampler(serviceTime, new RandomStream(seed, `component/${id}/service`));
    this.#seed = seed;
    this.#error = new RandomStream(seed, `component/${id}/error`);
    this.#hit = new RandomStream(seed, `component/${id}/hit`);
    this.#lock = new RandomStream(seed, `component/${id}/lock`);
    this.#lockKeys = locks && new ZipfKeys(locks.keys, locks.skew, new RandomStream(seed, `component/${id}/row`));
    this.linkLoad = new Int32Array(links.length);
    const choosable = links.flatMap((link, position) => (link.callsPerRequest > 0 ? [position] : []));
    const weight = Float64Array.from(links, ({ callsPerRequest }) => callsPerRequest);
    const members = Int32Array.from(choosable);
    const stream = new RandomStream(seed, `component/${id}/balance`);
    const choices = { members, load: this.linkLoad, weight };
    this.#chooser = new Chooser(model.linkBalancing, stream, choices, model.linkChoices);
    this.#choosable = choosable.length;
  }

  /** Own work of one request; `factor` is its instance's and its workload's. */
  workNs(factor: number): number {
    const drawnNs = this.#serviceTime.sampleNs();
    const product = this.workFactor * factor;
    return product === 1 ? drawnNs : Math.round(drawnNs * product);
  }

  /** Whether a request fails after its own work; `failure` says how. */
  fails(): boolean {
    if (this.#error.chance(this.errorRatio)) {
      this.failure = this.#usualFailure;
      return true;
    }
    return this.#codedErrors !== undefined && this.#failsByCode(this.#codedErrors);
  }

  /** From now on this share of requests fails with this code, independently of what fails with others. */
  setErrors(code: ErrorCode, ratio: number, isRetryable: boolean): void {
    const bits = failureOf(code, isRetryable);
    if (code === usualCode) {
      this.errorRatio = ratio;
      this.#usualFailure = bits;
      return;
    }
    this.#codedErrors ??= [];
    const known = this.#codedErrors.find((errors) => errors.code === code);
    if (known === undefined) {
      const stream = new RandomStream(this.#seed, `component/${this.model.id}/error/${code}`);
      this.#codedErrors.push({ code, stream, ratio, failure: bits });
    } else {
      known.ratio = ratio;
      known.failure = bits;
    }
  }

  #failsByCode(all: readonly CodedErrors[]): boolean {
    for (const { stream, ratio, failure } of all) {
      if (!stream.chance(ratio)) continue;
      this.failure = failure;
      return true;
    }
    return false;
  }

  isHit(): boolean {
    return this.#hit.chance(this.model.hitRatio * this.hitFactor);
  }

  /** The position of the link a balancer sends a request to. */
  chooseLink(session: number): number {
    return this.#chooser.choose(0, this.#choosable, session);
  }

  /** The row a request locks, or `undefined` when it locks none. */
  lockedRow(isWrite: boolean, writesAreKnown: boolean): number | undefined {
    const { locks } = this.model;
    if (locks === undefined || (writesAreKnown && !isWrite) || !this.#lock.chance(locks.share)) return undefined;
    return this.#lockKeys?.next();
  }
}
