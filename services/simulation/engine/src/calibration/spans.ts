/**
 * The spans of all trace files in one list, whatever format they came in, and how many were refused for which reason.
 *
 * Bad spans are refused one by one: a tracer that writes one in a thousand badly must not make the others useless, but how
 * many are missing must be known, because every missing one is a call or a piece of work that the model will lack.
 * Times are microseconds since 1970 in doubles, which are exact to a quarter of a microsecond there; durations are taken
 * before that rounding where the format has nanoseconds.
 */
import { CalibrationError } from "./json.ts";

export type SpanKind = "server" | "client" | "producer" | "consumer" | "internal";

/** Who is at the other end of a call, by the attributes of the caller's span. */
export interface Peer {
  readonly kind: "database" | "cache" | "queue" | "external";
  readonly name: string;
}

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** Trace and span of what caused it; its own trace unless it was linked from another. */
  readonly parent: { readonly traceId: string; readonly spanId: string; readonly follows: boolean } | undefined;
  readonly service: string;
  /** Pod, host or process; undefined when the file does not say. */
  readonly instance: string | undefined;
  readonly operation: string;
  readonly kind: SpanKind;
  readonly startUs: number;
  readonly durationUs: number;
  readonly failed: boolean;
  readonly peer: Peer | undefined;
}

const maximumSpans = 1_000_000;
const longestUs = 86_400e6;
/** Year 2200: later times are in a wrong unit. */
const latestUs = 7.26e15;

export class SpanCollector {
  readonly spans: Span[] = [];
  readonly refused = new Map<string, number>();
  readonly #seen = new Set<string>();

  refuse(reason: string): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }

  /** A span, or why what was read is none. Throws CalibrationError above a million spans. */
  add(span: Span | string): void {
    const problem = typeof span === "string" ? span : this.#problemOf(span);
    if (problem !== undefined) {
      this.refuse(problem);
      return;
    }
    if (this.spans.length >= maximumSpans) {
      throw new CalibrationError(`more than ${maximumSpans} spans; a shorter time or a sample is enough`);
    }
    const { traceId, spanId } = span as Span;
    this.#seen.add(spanKey(traceId, spanId));
    this.spans.push(span as Span);
  }

  #problemOf({ traceId, spanId, startUs, durationUs }: Span): string | undefined {
    if (!(startUs >= 0 && startUs <= latestUs)) return "its start is no time";
    if (!(durationUs >= 0)) return "it ends before it starts, or has no end";
    if (durationUs > longestUs) return "it is longer than a day";
    return this.#seen.has(spanKey(traceId, spanId)) ? "another span of its trace has the same id" : undefined;
  }
}

export function spanKey(traceId: string, spanId: string): string {
  return `${traceId}:${spanId}`;
}
