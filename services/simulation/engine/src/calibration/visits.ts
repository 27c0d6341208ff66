/**
 * Spans as visits: what one service did for one request, from the span by which the request came in, and the calls it made
 * meanwhile. A visit takes in all spans below it of the same service, also of calls to itself.
 *
 * A call is a client or producer span. Where these are nested (a retrying client around its attempts) it is the innermost
 * one, or the one that another service answered. Tracers without span kinds have no such span: there the other service's
 * span stands for the call, and the network cannot be told from the caller's own work.
 *
 * Whom nobody traced is still there in the spans of its callers: each call to it becomes a visit of its own, as long as
 * the call. A queue is visited by the producer's span, and calls the consumers.
 */
import type { Namer } from "./names.ts";
import { buildSpanTree } from "./span-tree.ts";
import type { Peer, Span } from "./spans.ts";

/** Start and end of neighbouring spans are read from clocks at slightly different moments. */
export const toleranceUs = 5;

export interface Call {
  readonly to: string;
  readonly startUs: number;
  readonly endUs: number;
  /** The caller did not wait for it. */
  readonly isAsync: boolean;
  readonly failed: boolean;
  /** Caller's time less callee's; for messages the time from sent to taken. Undefined when it cannot be known. */
  readonly networkUs: number | undefined;
  /** How far the callee's clock seems ahead of the caller's, if the way there takes as long as the way back. */
  readonly skewUs: number | undefined;
}

export interface Visit {
  readonly component: string;
  /** Undefined for a service with spans of its own. */
  readonly peer: Peer["kind"] | undefined;
  readonly instance: string | undefined;
  readonly operation: string;
  readonly startUs: number;
  readonly endUs: number;
  readonly failed: boolean;
  /** Where a trace begins, and not by a call of another component. */
  readonly isEntry: boolean;
  /** It begins with a call of its own: a load generator, a browser, a job. */
  readonly isOriginator: boolean;
  readonly calls: Call[];
}

export interface Visits {
  readonly visits: readonly Visit[];
  /** What the spans did not say, as counts. */
  readonly orphanSpans: number;
  readonly spansInCycles: number;
  readonly callsToUnknown: number;
}

export function visitsFrom(spans: readonly Span[], names: Namer): Visits {
  const tree = buildSpanTree(spans);
  const { parents, order } = tree;
  const visits: Visit[] = [];
  const visitOf = new Int32Array(spans.length).fill(-1);
  const remotes = new Map<number, number[]>();
  for (const { service } of spans) names.service(service);
  for (const index of order) {
    const span = spans[index] as Span;
    const parent = parents[index] as number;
    const cause = parent < 0 ? undefined : (spans[parent] as Span);
    if (cause !== undefined && cause.service === span.service && !(isMessage(span) && cause.kind === "producer")) {
      visitOf[index] = visitOf[parent] as number;
      continue;
    }
    visitOf[index] = visits.length;
    if (cause !== undefined) {
      const answers = remotes.get(parent);
      if (answers === undefined) remotes.set(parent, [index]);
      else answers.push(index);
    }
    visits.push({
      component: names.service(span.service),
      peer: undefined,
      instance: span.instance,
      operation: span.operation,
      startUs: span.startUs,
      endUs: span.startUs + span.durationUs,
      failed: span.failed,
      isEntry: cause === undefined && tree.isEntry(index),
      isOriginator: cause === undefined && (span.kind === "client" || span.kind === "internal"),
      calls: [],
    });
  }
  const callers = findCallSpans(spans, tree, visitOf, remotes);
  let callsToUnknown = 0;
  for (const index of order) {
    const visit = visits[visitOf[index] as number] as Visit;
    const answered = remotes.get(index) ?? [];
    const span = spans[index] as Span;
    if (answered.length > 0) {
      const caller = isCallKind(span) ? span : undefined;
      addAnsweredCalls(
        visit,
        caller,
        answered.map((child) => spans[child] as Span),
        names,
        visits,
      );
    } else if (callers[index] === 1) {
      if (span.peer === undefined) callsToUnknown++;
      else addPeerCall(visit, span, span.peer, names, visits);
    }
  }
  return { visits, orphanSpans: tree.orphans, spansInCycles: spans.length - order.length, callsToUnknown };
}

/** 1 for each span that stands for a call which nobody's span answered. */
function findCallSpans(
  spans: readonly Span[],
  { parents, order }: { readonly parents: Int32Array; readonly order: Int32Array },
  visitOf: Int32Array,
  remotes: ReadonlyMap<number, readonly number[]>,
): Uint8Array {
  const hasCallBelow = new Uint8Array(spans.length);
  for (let position = order.length - 1; position >= 0; position--) {
    const index = order[position] as number;
    const parent = parents[index] as number;
    if (parent < 0 || visitOf[parent] !== visitOf[index]) continue;
    if (hasCallBelow[index] === 1 || isCallKind(spans[index] as Span)) hasCallBelow[parent] = 1;
  }
  const isCovered = new Uint8Array(spans.length);
  const callers = new Uint8Array(spans.length);
  for (const index of order) {
    const parent = parents[index] as number;
    const isInside = parent >= 0 && visitOf[parent] === visitOf[index];
    const isAnswered = (at: number) => isCallKind(spans[at] as Span) && remotes.has(at);
    if (isInside && (isCovered[parent] === 1 || isAnswered(parent))) isCovered[index] = 1;
    // A client span that another service calls is the callee itself: databases are often traced so.
    const isCallee = parent >= 0 && !isInside;
    const isInnermost = hasCallBelow[index] === 0 && isCovered[index] === 0;
    if (isCallKind(spans[index] as Span) && isInnermost && !isCallee) callers[index] = 1;
  }
  return callers;
}

function addAnsweredCalls(
  visit: Visit,
  caller: Span | undefined,
  answers: readonly Span[],
  names: Namer,
  visits: Visit[],
): void {
  const messages = answers.filter(isMessage);
  if (messages.length > 0) {
    const sent = caller ?? (messages[0] as Span);
    const peer = caller?.peer ?? messages[0]?.peer;
    const queue = peer?.kind === "queue" ? peer : ({ kind: "queue", name: "queue" } as const);
    const calls = addPeerCall(visit, caller ?? { ...sent, durationUs: 0 }, queue, names, visits);
    for (const message of messages) {
      const waitUs = message.startUs - endOf(sent);
      calls?.push({
        to: names.service(message.service),
        startUs: message.startUs,
        endUs: endOf(message),
        isAsync: true,
        failed: message.failed,
        networkUs: caller === undefined ? undefined : Math.max(0, waitUs),
        skewUs: undefined,
      });
    }
  }
  for (const answer of answers) {
    if (isMessage(answer)) continue;
    const time = caller ?? answer;
    const isAlone = caller !== undefined && answers.length === 1;
    visit.calls.push({
      to: names.service(answer.service),
      startUs: time.startUs,
      endUs: endOf(time),
      isAsync: answer.parent?.follows === true || time.startUs > visit.endUs + toleranceUs,
      failed: time.failed || answer.failed,
      networkUs: isAlone ? caller.durationUs - answer.durationUs : undefined,
      skewUs: isAlone ? (answer.startUs - caller.startUs - (endOf(caller) - endOf(answer))) / 2 : undefined,
    });
  }
}

/** The calls of the visit that it makes to the peer; undefined when the peer is a service whose span was lost. */
function addPeerCall(visit: Visit, span: Span, peer: Peer, names: Namer, visits: Visit[]): Call[] | undefined {
  const { id, isService } = names.peer(peer.name);
  visit.calls.push({
    to: id,
    startUs: span.startUs,
    endUs: endOf(span),
    isAsync: span.startUs > visit.endUs + toleranceUs,
    failed: span.failed,
    networkUs: undefined,
    skewUs: undefined,
  });
  if (isService) return undefined;
  const calls: Call[] = [];
  visits.push({
    component: id,
    peer: peer.kind,
    instance: undefined,
    operation: span.operation,
    startUs: span.startUs,
    endUs: endOf(span),
    failed: span.failed,
    isEntry: false,
    isOriginator: false,
    calls,
  });
  return calls;
}

function isCallKind({ kind }: Span): boolean {
  return kind === "client" || kind === "producer";
}

function isMessage({ kind }: Span): boolean {
  return kind === "consumer";
}

function endOf({ startUs, durationUs }: Span): number {
  return startUs + durationUs;
}
