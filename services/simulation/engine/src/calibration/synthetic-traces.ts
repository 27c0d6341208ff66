/**
 * Traces of a known system for tests, by a seeded generator: a tree of calls walked with drawn times. Services have as many slots
 * as their visits need, but for one station that may have a single one and a queue.
 */
import { RandomStream } from "../random.ts";
import { type Span, SpanCollector, type SpanKind } from "./spans.ts";

export interface SyntheticService {
  readonly workMs: (stream: RandomStream) => number;
  readonly calls?: readonly SyntheticCall[];
  readonly isParallel?: boolean;
  readonly failureRatio?: number;
  /** One slot, served in the order of traces: for leaf services whose callers keep that order, by constant work. */
  readonly hasOneSlot?: boolean;
}

export interface SyntheticCall {
  readonly to: string;
  readonly ratio?: number;
  readonly networkMs?: number;
  /** Without a span of its own. */
  readonly peer?: Span["peer"];
  readonly isMessage?: boolean;
}

export interface SyntheticSystem {
  readonly services: Readonly<Record<string, SyntheticService>>;
  readonly entry: string;
  /** When requests arrive, in ms, ascending. */
  readonly arrivalsMs: readonly number[];
  readonly seed?: number;
  /** How far each service's clock is ahead, in ms. */
  readonly clockMs?: Readonly<Record<string, number>>;
}

const originUs = 1.7e15;

export function syntheticSpans({ services, entry, arrivalsMs, seed = 1, clockMs = {} }: SyntheticSystem): Span[] {
  const stream = new RandomStream(seed, "synthetic");
  const freeAtMs = new Map<string, number>();
  const spans: Span[] = [];
  let ids = 0;
  for (const [index, arrivalMs] of arrivalsMs.entries()) {
    const traceId = `trace${index}`;
    const visit = (name: string, startMs: number, parent: Span["parent"], kind: SpanKind): number => {
      const service = services[name] as SyntheticService;
      const spanId = `s${ids++}`;
      const failed = stream.chance(service.failureRatio ?? 0);
      let nowMs = startMs;
      if (service.hasOneSlot) nowMs = Math.max(startMs, freeAtMs.get(name) ?? 0);
      nowMs += service.workMs(stream);
      if (service.hasOneSlot) freeAtMs.set(name, nowMs);
      const record = (id: string, own: Partial<Span>, fromMs: number, toMs: number) =>
        spans.push({
          traceId,
          spanId: id,
          parent: { traceId, spanId, follows: false },
          service: name,
          instance: undefined,
          operation: "do",
          kind: "client",
          startUs: originUs + (fromMs + (clockMs[name] ?? 0)) * 1000,
          durationUs: (toMs - fromMs) * 1000,
          failed: false,
          peer: undefined,
          ...own,
        });
      let endMs = nowMs;
      for (const call of failed ? [] : (service.calls ?? [])) {
        const ratio = call.ratio ?? 1;
        for (let made = Math.floor(ratio) + (stream.chance(ratio % 1) ? 1 : 0); made > 0; made--) {
          const fromMs = service.isParallel ? nowMs : endMs;
          const halfMs = (call.networkMs ?? 0) / 2;
          const id = `s${ids++}`;
          const child = { traceId, spanId: id, follows: false };
          let toMs = fromMs + halfMs;
          if (call.peer !== undefined && !call.isMessage)
            toMs += (services[call.to] as SyntheticService).workMs(stream);
          else if (call.isMessage) visit(call.to, toMs + 5, child, "consumer");
          else toMs = visit(call.to, toMs, child, "server");
          toMs += halfMs;
          record(id, { peer: call.peer, kind: call.isMessage ? "producer" : "client" }, fromMs, toMs);
          endMs = Math.max(endMs, toMs);
        }
      }
      record(spanId, { parent, kind, failed }, startMs, endMs);
      return endMs;
    };
    visit(entry, arrivalMs, undefined, "server");
  }
  return spans;
}

export function collect(spans: readonly Span[]): SpanCollector {
  const collector = new SpanCollector();
  for (const span of spans) collector.add(span);
  return collector;
}

export function poissonTimes(count: number, meanMs: number, seed = 7): number[] {
  const stream = new RandomStream(seed, "arrivals");
  let nowMs = 0;
  return Array.from({ length: count }, () => {
    nowMs += meanMs * stream.exponential();
    return nowMs;
  });
}
