/**
 * Sampled requests, followed through the system: one span for every attempt of every call that they cause.
 *
 * Every `every`-th request of a client is traced, while there is room; the choice draws no random numbers, so tracing changes
 * nothing in a run. Times are simulated ns; one that never came is NaN. Between them a span's time is divided without a rest:
 * called → sent (waits for a connection, pauses between attempts) → arrived (network) → started (queue) → worked (own work) →
 * finished (its calls) → answered (network). A token or a row's lock that was waited for divides the queue's part further.
 *
 * A request of which an attempt found no room left is no trace: parts of its time would seem to be somebody else's.
 */
import { none } from "./visit-pool.ts";

export type SpanOutcome = "open" | "completed" | "failed" | "shed";

/** One attempt as its caller and its component saw it. */
export interface Span {
  /** Position of the span of the caller in the same list; -1 for the request of a client. */
  readonly parent: number;
  /** Positions of components and links in the model; a client's request has the link -1. */
  readonly component: number;
  readonly link: number;
  /** From 1; a hedge has the number of the attempt it stands beside. */
  readonly attempt: number;
  readonly calledNs: number;
  readonly sentNs: number;
  /** Of the time from called to sent: all pauses before retries, and all waits for a connection; the rest are lost attempts. */
  readonly pausedNs: number;
  readonly connectionNs: number;
  readonly arrivedNs: number;
  /** When its token had come, and when it found its row locked; NaN for those that had to wait for none. */
  readonly tokenNs: number;
  readonly lockedNs: number;
  readonly startedNs: number;
  readonly workedNs: number;
  readonly finishedNs: number;
  /** When the caller had the answer. An attempt whose answer came too late, or never, has none. */
  readonly answeredNs: number;
  readonly outcome: SpanOutcome;
}

type MutableSpan = { -readonly [Field in keyof Span]: Span[Field] } & {
  /** The client's span, and the number under which the span is known. */
  readonly root: number;
  readonly number: number;
};

type SpanStart = Pick<
  Span,
  "parent" | "component" | "link" | "attempt" | "calledNs" | "sentNs" | "pausedNs" | "connectionNs"
>;

/** What `RequestTraces` marks on the way. */
export type SpanTime = "arrivedNs" | "tokenNs" | "lockedNs" | "startedNs" | "workedNs" | "finishedNs" | "answeredNs";

export class RequestTraces {
  readonly #every: number;
  readonly #maxSpans: number;
  /** By number; those of requests that were taken are gone, and what is said of them later is not heard. */
  readonly #spans = new Map<number, MutableSpan>();
  /** Spans of each request that is not taken yet, the client's first. */
  readonly #byRequest = new Map<number, MutableSpan[]>();
  #nextSpan = 0;
  #requests = 0;
  #fromNs = 0;

  /** `every` 0 traces nothing. */
  constructor(every: number, maxSpans: number) {
    this.#every = every;
    this.#maxSpans = maxSpans;
  }

  /** The span of a new request of a client, or `none` when it is not traced. */
  begin(component: number, nowNs: number): number {
    if (this.#every === 0 || this.#requests++ % this.#every !== 0) return none;
    // The other half of the room is for what requests that are followed already will cause.
    if (2 * this.#spans.size >= this.#maxSpans) return none;
    const times = { calledNs: nowNs, sentNs: nowNs, pausedNs: 0, connectionNs: 0 };
    const span = this.#add({ parent: none, component, link: none, attempt: 1, ...times }, this.#nextSpan);
    if (span !== none) this.mark(span, "arrivedNs", nowNs);
    return span;
  }

  /** The span of an attempt that a traced request makes; `none` when there is no room left, or the request was taken. */
  attempt(given: SpanStart): number {
    const parent = this.#spans.get(given.parent);
    if (parent === undefined) return none;
    const span = this.#add(given, parent.root);
    if (span === none) this.#forget(parent.root);
    return span;
  }

  mark(span: number, time: SpanTime, nowNs: number): void {
    const marked = this.#spans.get(span);
    if (marked !== undefined) marked[time] = nowNs;
  }

  end(span: number, outcome: SpanOutcome): void {
    const ended = this.#spans.get(span);
    if (ended?.outcome === "open") ended.outcome = outcome;
  }

  /** Requests before this are not asked for any more. */
  forgetBefore(nowNs: number): void {
    this.#fromNs = nowNs;
  }

  /** Requests that began since the measurement did and are over, each as its own list with the client's span first. */
  requests(): Span[][] {
    return [...this.#byRequest.values()]
      .filter(([root]) => isOver(root) && (root as MutableSpan).calledNs >= this.#fromNs)
      .map(plainSpans);
  }

  /** The same of all that are over, whenever they began; they are forgotten, which makes room for others. */
  take(): Span[][] {
    const taken = [...this.#byRequest.values()].filter(([root]) => isOver(root));
    for (const [root] of taken) this.#forget((root as MutableSpan).number);
    return taken.map(plainSpans);
  }

  #forget(root: number): void {
    for (const { number } of this.#byRequest.get(root) ?? []) this.#spans.delete(number);
    this.#byRequest.delete(root);
  }

  #add(given: SpanStart, root: number): number {
    if (this.#spans.size >= this.#maxSpans) return none;
    const { NaN: never } = Number;
    const waits = { arrivedNs: never, tokenNs: never, lockedNs: never, startedNs: never };
    const times = { ...waits, workedNs: never, finishedNs: never, answeredNs: never };
    const number = this.#nextSpan++;
    const span: MutableSpan = { ...given, ...times, outcome: "open", root, number };
    this.#spans.set(number, span);
    if (root === number) this.#byRequest.set(root, [span]);
    else this.#byRequest.get(root)?.push(span);
    return number;
  }
}

function isOver(root: MutableSpan | undefined): boolean {
  return root !== undefined && root.outcome !== "open";
}

/** With the parents as places in this list. */
function plainSpans(spans: readonly MutableSpan[]): Span[] {
  const places = new Map(spans.map(({ number }, place) => [number, place]));
  return spans.map(({ root: _, number: __, parent, ...span }) => ({ ...span, parent: places.get(parent) ?? none }));
}
