/**
 * Where the time of one request went, exactly: every nanosecond of its latency belongs to one component and one part.
 *
 * A request waits for its calls, so its time is followed from the end backwards: what ended last is what it waited for, and
 * before that whatever had to end for it to begin (the critical path; Yang and Miller, 1988). In a parallel fan-out that
 * is the call whose answer came last; the others lie beside it and count for nothing. Sequential calls follow each other.
 * Calls that nobody waits for are on no path.
 *
 * Of a call only the attempt that was answered well is looked into. What its caller spent before that attempt was sent is
 * pauses, waits for a connection, and the rest: attempts that failed, were given up, or were overtaken by a hedge. The way
 * to a component, connections included, counts as that component's.
 *
 * Times are whole nanoseconds, so the parts add up without an error.
 */
import type { Model } from "../model.ts";
import type { Span } from "../request-traces.ts";

/**
 * queue: for a slot. service: own work, sharing of cores included. network: both ways, with transfers and retransmissions.
 * connection: for one of a pool. backoff: pauses before retries. retry: attempts that came to nothing. waiting: for a
 * token of a rate limit, a row's lock, or another request's fetch of the same cache key.
 */
export const latencyParts = ["queue", "service", "network", "connection", "backoff", "retry", "waiting"] as const;
export type LatencyPart = (typeof latencyParts)[number];

const part = Object.fromEntries(latencyParts.map((name, index) => [name, index])) as Record<LatencyPart, number>;

/**
 * The time of a request that was answered well, in ns by component index × number of parts + part. `spans` is one list of
 * `Simulation.tracedRequests()`. Pure.
 */
export function latencyPartsNs(model: Model, spans: readonly Span[]): Float64Array {
  const timesNs = new Float64Array(model.components.length * latencyParts.length);
  const callsOf = answeredCalls(model, spans);
  // The order in which they are taken does not matter: every span adds its own.
  for (const pending = [0]; pending.length > 0; ) {
    const index = pending.pop() as number;
    const span = spans[index] as Span;
    const add = (name: LatencyPart, ns: number) => {
      const at = span.component * latencyParts.length + part[name];
      timesNs[at] = (timesNs[at] as number) + ns;
    };
    if (span.parent >= 0) addWay(span, add);
    const callingFromNs = addStay(span, add);
    let untilNs = span.finishedNs;
    while (untilNs > callingFromNs) {
      const call = callsOf[index]?.find((one) => endsAt(spans[one] as Span, untilNs));
      if (call === undefined) break;
      pending.push(call);
      untilNs = (spans[call] as Span).calledNs;
    }
    // Without a call to wait for, it waited for somebody else's.
    add("waiting", untilNs - callingFromNs);
  }
  return timesNs;
}

/** A call that took no time explains none. */
function endsAt({ answeredNs, calledNs }: Span, untilNs: number): boolean {
  return answeredNs === untilNs && calledNs < untilNs;
}

/** By span, the attempts that ended a call it waited for. */
function answeredCalls({ links }: Model, spans: readonly Span[]): (number[] | undefined)[] {
  const callsOf: (number[] | undefined)[] = [];
  for (const [index, { parent, link, outcome, answeredNs }] of spans.entries()) {
    if (parent < 0 || outcome !== "completed" || Number.isNaN(answeredNs) || links[link]?.isAwaited !== true) continue;
    const calls = callsOf[parent];
    if (calls === undefined) callsOf[parent] = [index];
    else calls.push(index);
  }
  return callsOf;
}

function addWay(span: Span, add: (name: LatencyPart, ns: number) => void): void {
  const { calledNs, sentNs, pausedNs, connectionNs, arrivedNs, finishedNs, answeredNs } = span;
  add("backoff", pausedNs);
  add("connection", connectionNs);
  add("retry", sentNs - calledNs - pausedNs - connectionNs);
  add("network", arrivedNs - sentNs + (answeredNs - finishedNs));
}

/** From the arrival to the end of the own work, which is answered. A client has none of it. */
function addStay(span: Span, add: (name: LatencyPart, ns: number) => void): number {
  const { arrivedNs, tokenNs, lockedNs, startedNs, workedNs } = span;
  if (Number.isNaN(workedNs)) return arrivedNs;
  const admittedNs = Number.isNaN(tokenNs) ? arrivedNs : tokenNs;
  const slotNs = Number.isNaN(lockedNs) ? startedNs : lockedNs;
  add("waiting", admittedNs - arrivedNs + (startedNs - slotNs));
  add("queue", slotNs - admittedNs);
  add("service", workedNs - startedNs);
  return workedNs;
}
