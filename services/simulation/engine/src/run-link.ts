/**
 * A link in one run: its delays, its luck, and the settings that a change may replace while the run goes on.
 *
 * Every kind of number is drawn from a stream of its own, named by the link's id, so that no link is disturbed by what the
 * others do. Optional features are tested by one flag, `isPlain`: a link without them costs nothing for them.
 */
import type { Breaker, Distribution, RetryBudget } from "./architecture.ts";
import type { CallPool } from "./call-pool.ts";
import { DurationSampler } from "./distribution.ts";
import { type EventQueue, noLane } from "./event-queue.ts";
import type { ModelLink } from "./model.ts";
import { RandomStream } from "./random.ts";

const nsPerMs = 1e6;
/** What the first retransmission waits for when a message must not be lost: the least that TCP waits (RFC 6298). */
const surestRetransmitMs = 200;
/** No more than this many losses in a row; a link that loses everything is cut. */
const mostRetransmissions = 10;

/** How a link is cut: not at all, so that nothing comes through and nobody is told, or so that calls fail at once. */
export type Cut = "none" | "silent" | "reset";

/** What a delay is when the message never arrives. */
export const lost = -1;

export class RunLink {
  readonly index: number;
  readonly id: string;
  readonly from: number;
  readonly to: number;
  /** Among the links of its component. */
  readonly position: number;
  readonly isAwaited: boolean;
  /** Load balancers: the probability of this link. Others: the mean number of calls. */
  readonly callsPerRequest: number;
  readonly timeoutNs: number;
  readonly cancels: boolean;
  hedgeNs: number;
  readonly requestLane: number;
  readonly answerLane: number;
  readonly timeoutLane: number;
  /** No settings that need more than a delay, a timeout and retries. */
  isPlain = true;
  retries: number;
  retryBackoffMs: number;
  hasJitter: boolean;
  retryBudget: Required<RetryBudget> | undefined;
  breaker: Required<Breaker> | undefined;
  maxConnections: number;
  readonly connectionQueue: number;
  readonly connectionTimeoutNs: number;
  lossRatio: number;
  cut: Cut = "none";
  readonly #latency: DurationSampler;
  /** The round trip where it is always the same, else NaN. */
  readonly #constantNs: number;
  readonly #calls: RandomStream;
  readonly #backoff: RandomStream;
  readonly #loss: RandomStream;
  readonly #extraStream: RandomStream;
  readonly #certainCalls: number;
  readonly #moreCalls: number;
  readonly #ownRetransmitMs: number;
  readonly #hasTimeout: boolean;
  #retransmitMs: number;
  /** How long a message occupies the link, and until when it is occupied, each way. */
  #requestTransferNs: number;
  #answerTransferNs: number;
  readonly #bandwidthMbps: number;
  readonly #requestKb: number;
  readonly #answerKb: number;
  #requestsUntilNs = 0;
  #answersUntilNs = 0;
  /** Of a change: more delay for a share of the calls, on the way there. */
  #extra: DurationSampler | undefined;
  #extraShare = 0;
  hasHedge: boolean;

  constructor(link: ModelLink, position: number, seed: number, queue: EventQueue, calls: CallPool) {
    this.index = link.index;
    this.id = link.id;
    this.from = link.from;
    this.to = link.to;
    this.position = position;
    this.isAwaited = link.isAwaited;
    this.callsPerRequest = link.callsPerRequest;
    this.timeoutNs = Math.round(link.timeoutMs * nsPerMs);
    this.cancels = link.timeoutCancels;
    this.hedgeNs = Math.round(link.hedgeAfterMs * nsPerMs);
    this.hasHedge = this.hedgeNs > 0;
    const roundTripNs = constantNs(link.latency);
    this.#constantNs = roundTripNs ?? Number.NaN;
    // As `splitRoundTrip` does it: the odd nanosecond goes one way.
    this.requestLane = roundTripNs === undefined ? noLane : queue.laneOf(Math.round(roundTripNs / 2));
    this.answerLane = roundTripNs === undefined ? noLane : queue.laneOf(roundTripNs - Math.round(roundTripNs / 2));
    this.timeoutLane = this.timeoutNs === 0 ? noLane : queue.laneOf(this.timeoutNs, calls);
    this.retries = link.retries;
    this.retryBackoffMs = link.retryBackoffMs;
    this.hasJitter = link.retryJitter === "full";
    this.retryBudget = link.retryBudget;
    this.breaker = link.breaker;
    this.maxConnections = link.maxConnections;
    this.connectionQueue = link.connectionQueue;
    this.connectionTimeoutNs = Math.round(link.connectionTimeoutMs * nsPerMs);
    this.lossRatio = link.lossRatio;
    this.#ownRetransmitMs = link.retransmitMs;
    this.#hasTimeout = link.timeoutMs > 0;
    this.#retransmitMs = this.#patienceMs(link.retransmitMs);
    this.#bandwidthMbps = link.bandwidthMbps;
    this.#requestKb = link.requestKb;
    this.#answerKb = link.answerKb;
    this.#requestTransferNs = transferNs(link.requestKb, link.bandwidthMbps);
    this.#answerTransferNs = transferNs(link.answerKb, link.bandwidthMbps);
    this.#latency = new DurationSampler(link.latency, new RandomStream(seed, `link/${link.id}/latency`));
    this.#calls = new RandomStream(seed, `link/${link.id}/calls`);
    this.#backoff = new RandomStream(seed, `link/${link.id}/backoff`);
    this.#loss = new RandomStream(seed, `link/${link.id}/loss`);
    this.#extraStream = new RandomStream(seed, `link/${link.id}/extra`);
    this.#certainCalls = Math.floor(link.callsPerRequest);
    this.#moreCalls = link.callsPerRequest - this.#certainCalls;
    this.settle();
  }

  /** To be called after a setting was replaced. */
  settle(): void {
    this.isPlain =
      this.breaker === undefined &&
      this.retryBudget === undefined &&
      this.maxConnections === 0 &&
      !this.hasHedge &&
      !this.cancels &&
      this.lossRatio === 0 &&
      this.cut === "none" &&
      this.#extra === undefined &&
      this.#requestTransferNs === 0 &&
      this.#answerTransferNs === 0;
  }

  /** From now on a share of the calls takes longer by this; none with a share of 0. */
  delay(extra: Distribution, share: number): void {
    this.#extra = share === 0 ? undefined : new DurationSampler(extra, this.#extraStream);
    this.#extraShare = share;
    this.settle();
  }

  /** From now on so many messages are lost, and sent again after this time, the link's own when absent. */
  lose(ratio: number, retransmitMs = this.#ownRetransmitMs): void {
    this.lossRatio = ratio;
    this.#retransmitMs = this.#patienceMs(retransmitMs);
    this.settle();
  }

  /** From now on calls are hedged after this time; not at all with 0. */
  hedgeAfter(afterMs: number): void {
    this.hedgeNs = Math.round(afterMs * nsPerMs);
    this.hasHedge = this.hedgeNs > 0;
    this.settle();
  }

  /** From now on the link has this part of its bandwidth; a link without a limit keeps having none. */
  throttle(part: number): void {
    this.#requestTransferNs = transferNs(this.#requestKb, this.#bandwidthMbps * part);
    this.#answerTransferNs = transferNs(this.#answerKb, this.#bandwidthMbps * part);
    this.settle();
  }

  /** The network's round trip of one call; half of it is spent each way. */
  roundTripNs(): number {
    return this.#constantNs >= 0 ? this.#constantNs : this.#latency.sampleNs();
  }

  /** How long a request is on its way that would take `delayNs` undisturbed; `lost` when it does not arrive. */
  requestNs(delayNs: number, nowNs: number): number {
    if (this.isPlain) return delayNs;
    if (this.cut !== "none") return lost;
    const queuedNs = Math.max(nowNs, this.#requestsUntilNs) - nowNs;
    this.#requestsUntilNs = nowNs + queuedNs + this.#requestTransferNs;
    const isExtra = this.#extra !== undefined && this.#extraStream.chance(this.#extraShare);
    const extraNs = isExtra ? (this.#extra as DurationSampler).sampleNs() : 0;
    const resentNs = this.#retransmissionNs();
    return resentNs === lost ? lost : delayNs + queuedNs + this.#requestTransferNs + extraNs + resentNs;
  }

  /** The same of an answer. */
  answerNs(delayNs: number, nowNs: number): number {
    if (this.isPlain) return delayNs;
    if (this.cut !== "none") return lost;
    const queuedNs = Math.max(nowNs, this.#answersUntilNs) - nowNs;
    this.#answersUntilNs = nowNs + queuedNs + this.#answerTransferNs;
    const resentNs = this.#retransmissionNs();
    return resentNs === lost ? lost : delayNs + queuedNs + this.#answerTransferNs + resentNs;
  }

  /** How many calls one request makes: the whole part of the mean, and one more with the rest's probability. */
  calls(): number {
    return this.#calls.chance(this.#moreCalls) ? this.#certainCalls + 1 : this.#certainCalls;
  }

  /** The pause after this many attempts: anything up to the backoff, or just the backoff; it doubles with each attempt. */
  pauseNs(attemptsMade: number): number {
    const longestMs = this.retryBackoffMs * 2 ** (attemptsMade - 1);
    if (longestMs === 0) return 0;
    return Math.round((this.hasJitter ? longestMs * this.#backoff.uniform() : longestMs) * nsPerMs);
  }

  /** What the first retransmission waits for; 0 when there is none. */
  #patienceMs(givenMs: number): number {
    return givenMs || (this.#hasTimeout ? 0 : surestRetransmitMs);
  }

  #retransmissionNs(): number {
    if (this.lossRatio === 0 || !this.#loss.chance(this.lossRatio)) return 0;
    if (this.#retransmitMs === 0) return lost;
    let [totalMs, nextMs] = [this.#retransmitMs, 2 * this.#retransmitMs];
    for (let again = 1; again < mostRetransmissions && this.#loss.chance(this.lossRatio); again++) {
      totalMs += nextMs;
      nextMs *= 2;
    }
    return Math.round(totalMs * nsPerMs);
  }
}

/** The duration when it is always the same. */
export function constantNs({ kind, meanMs }: Distribution): number | undefined {
  return kind === "constant" || meanMs === 0 ? Math.round(meanMs * nsPerMs) : undefined;
}

function transferNs(kilobytes: number, megabitsPerSecond: number): number {
  return megabitsPerSecond === 0 ? 0 : Math.round((kilobytes * 8e6) / megabitsPerSecond);
}
