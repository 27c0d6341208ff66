/**
 * Which span caused which, over all traces, as an order in which every cause comes before its effects.
 *
 * A span whose cause was not recorded (lost, or outside what was traced) is an orphan. When it is all its trace has at the
 * top, it is where the trace begins; beside another beginning it is the rest of a call that is missing, and no entry.
 */
import { type Span, spanKey } from "./spans.ts";

export interface SpanTree {
  /** Of each span; -1 where there is none. */
  readonly parents: Int32Array;
  /** Indices of spans, causes first. Spans that are their own cause, in a cycle, are left out. */
  readonly order: Int32Array;
  /** Whether a span at the top is where its trace begins; false for what a lost span left behind. */
  readonly isEntry: (index: number) => boolean;
  /** Spans whose cause is missing beside another beginning of their trace. */
  readonly orphans: number;
}

export function buildSpanTree(spans: readonly Span[]): SpanTree {
  const byKey = new Map<string, number>();
  for (const [index, { traceId, spanId }] of spans.entries()) byKey.set(spanKey(traceId, spanId), index);
  const parents = new Int32Array(spans.length).fill(-1);
  const firstChild = new Int32Array(spans.length).fill(-1);
  const nextSibling = new Int32Array(spans.length).fill(-1);
  const order = new Int32Array(spans.length);
  const tops = new Map<string, number>();
  let placed = 0;
  for (const [index, { parent, traceId }] of spans.entries()) {
    const found = parent === undefined ? undefined : byKey.get(spanKey(parent.traceId, parent.spanId));
    if (found === undefined) {
      order[placed++] = index;
      const before = tops.get(traceId);
      if (before === undefined || isBetterTop(spans[index] as Span, spans[before] as Span)) tops.set(traceId, index);
      continue;
    }
    parents[index] = found;
  }
  // Each is put before those already there, so the last comes first to end in the order of the file.
  for (let index = spans.length - 1; index >= 0; index--) {
    const parent = parents[index] as number;
    if (parent < 0) continue;
    nextSibling[index] = firstChild[parent] as number;
    firstChild[parent] = index;
  }
  const topCount = placed;
  for (let position = 0; position < placed; position++) {
    let child = firstChild[order[position] as number] as number;
    for (; child >= 0; child = nextSibling[child] as number) order[placed++] = child;
  }
  const isEntry = (index: number) => {
    const { parent, traceId } = spans[index] as Span;
    return parent === undefined || tops.get(traceId) === index;
  };
  let orphans = 0;
  for (let position = 0; position < topCount; position++) if (!isEntry(order[position] as number)) orphans++;
  return { parents, order: order.subarray(0, placed), isEntry, orphans };
}

/** One without a cause before an orphan, then the earlier one. */
function isBetterTop(span: Span, other: Span): boolean {
  const [isRoot, isOtherRoot] = [span.parent === undefined, other.parent === undefined];
  return isRoot === isOtherRoot ? span.startUs < other.startUs : isRoot;
}
