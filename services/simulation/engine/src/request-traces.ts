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

export type SpanOutcome = "open" | "completed" | "failed" | "shed" | "abandoned";

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

type MutableSpan = { -readonly [Field in keyof Span]: Span[Field] };

/** What `RequestTraces` marks on the way. */
export type SpanTime = "arrivedNs" | "tokenNs" | "lockedNs" | "startedNs" | "workedNs" | "finishedNs" | "answeredNs";

/** What is known of an attempt when it is sent. */
export type SentSpan = Pick<
  Span,
  "parent" | "component" | "link" | "attempt" | "calledNs" | "sentNs" | "pausedNs" | "connectionNs"
>;

export class RequestTraces {
  readonly #every: number;
  readonly #maxSpans: number;
  readonly #spans: MutableSpan[] = [];
  /** Spans some of whose attempts are missing. */
  readonly #cutShort = new Set<number>();
  #requests = 0;
  #fromNs = 0;

  /** `every` 0 traces nothing. */
  constructor(every: number, maxSpans = 200_000) {
    this.#every = every;
    this.#maxSpans = maxSpans;
  }

  /** The span of a new request of a client, or `none` when it is not traced. */
  begin(component: number, nowNs: number): number {
    if (this.#every === 0 || this.#requests++ % this.#every !== 0) return none;
    const times = { calledNs: nowNs, sentNs: nowNs, pausedNs: 0, connectionNs: 0 };
    const span = this.#add({ parent: none, component, link: none, attempt: 1, ...times });
    if (span !== none) this.mark(span, "arrivedNs", nowNs);
    return span;
  }

  /** The span of an attempt that a traced request makes; `none` when there is no room left. */
  attempt(given: SentSpan): number {
    const span = this.#add(given);
    if (span === none) this.#cutShort.add(given.parent);
    return span;
  }

  mark(span: number, time: SpanTime, nowNs: number): void {
    (this.#spans[span] as MutableSpan)[time] = nowNs;
  }

  end(span: number, outcome: SpanOutcome): void {
    const ended = this.#spans[span] as MutableSpan;
    if (ended.outcome === "open") ended.outcome = outcome;
  }

  /** Requests before this are not asked for any more. */
  forgetBefore(nowNs: number): void {
    this.#fromNs = nowNs;
  }

  /** Requests that began since the measurement did and are over, each as its own list with the client's span first. */
  requests(): Span[][] {
    const rootOf: number[] = [];
    const byRoot = new Map<number, Span[]>();
    const placeOf: number[] = [];
    const incomplete = new Set<number>();
    for (const [index, span] of this.#spans.entries()) {
      const root = span.parent === none ? index : (rootOf[span.parent] as number);
      rootOf.push(root);
      if (this.#cutShort.has(index)) incomplete.add(root);
      const list = byRoot.get(root) ?? [];
      placeOf.push(list.length);
      list.push({ ...span, parent: span.parent === none ? none : (placeOf[span.parent] as number) });
      byRoot.set(root, list);
    }
    for (const root of incomplete) byRoot.delete(root);
    return [...byRoot.values()].filter(([root]) => {
      return root !== undefined && root.outcome !== "open" && root.calledNs >= this.#fromNs;
    });
  }

  #add(given: SentSpan): number {
    if (this.#spans.length >= this.#maxSpans) return none;
    const { NaN: never } = Number;
    const times = {
      arrivedNs: never,
      tokenNs: never,
      lockedNs: never,
      startedNs: never,
      workedNs: never,
      finishedNs: never,
      answeredNs: never,
    };
    this.#spans.push({ ...given, ...times, outcome: "open" });
    return this.#spans.length - 1;
  }
}
