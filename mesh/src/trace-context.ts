import type { Random } from "./random.ts";

/**
 * A W3C trace context as seven 32-bit integers: a trace of 16 bytes, the caller's span of 8, and flags. Integers because
 * every call carries one: they cost no allocation to keep and none to copy, where byte arrays and hexadecimal strings do.
 * Text is made when somebody reads it: a log line, a header, a tracing SDK.
 */
export interface TraceIds {
  readonly trace0: number;
  readonly trace1: number;
  readonly trace2: number;
  readonly trace3: number;
  readonly span0: number;
  readonly span1: number;
  /** Bit 0: sampled. */
  readonly traceFlags: number;
}

/** Length of the binary form: what `Call.trace_context` of a lane holds. */
export const traceContextBytes = 25;

/** A new trace with a first span, not sampled. */
export function randomTrace(random: Random): TraceIds {
  return {
    trace0: randomInt32(random),
    trace1: randomInt32(random),
    trace2: randomInt32(random),
    trace3: randomInt32(random),
    span0: randomInt32(random),
    span1: randomInt32(random),
    traceFlags: 0,
  };
}

/** A random 32-bit integer other than 0, since ids of zeros are invalid. */
export function randomInt32(random: Random): number {
  return random.int32() || 1;
}

const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/;

/** Reads the header of the same name; undefined when it is absent or invalid. */
export function traceFromHeader(header: string | null): TraceIds | undefined {
  const match = header === null ? null : traceparent.exec(header);
  const [, trace = "", span = "", flags = ""] = match ?? [];
  return match === null ? undefined : traceFromHex(trace, span, Number.parseInt(flags, 16));
}

/** From 32 and 16 hexadecimal digits; undefined when an id is all zeros or no such text. */
export function traceFromHex(trace: string, span: string, flags: number): TraceIds | undefined {
  const word = (text: string, index: number): number => Number.parseInt(text.slice(index * 8, index * 8 + 8), 16) | 0;
  const valid = /[1-9a-f]/.test(trace) && /[1-9a-f]/.test(span) && trace.length === 32 && span.length === 16;
  return valid
    ? {
        trace0: word(trace, 0),
        trace1: word(trace, 1),
        trace2: word(trace, 2),
        trace3: word(trace, 3),
        span0: word(span, 0),
        span1: word(span, 1),
        traceFlags: flags & 0xff,
      }
    : undefined;
}

/** The header's form: "00-<trace>-<span>-<flags>". */
export function traceToHeader(ids: TraceIds): string {
  return `00-${traceIdOf(ids)}-${spanIdOf(ids)}-${(ids.traceFlags & 0xff).toString(16).padStart(2, "0")}`;
}

/** 32 hexadecimal digits. */
export function traceIdOf(ids: TraceIds): string {
  return hex(ids.trace0) + hex(ids.trace1) + hex(ids.trace2) + hex(ids.trace3);
}

/** 16 hexadecimal digits. */
export function spanIdOf(ids: TraceIds): string {
  return hex(ids.span0) + hex(ids.span1);
}

/** Writes the binary form; `bytes` has room for `traceContextBytes` from `at` on. */
export function writeTrace(bytes: Uint8Array, at: number, ids: TraceIds): void {
  writeInt32(bytes, at, ids.trace0);
  writeInt32(bytes, at + 4, ids.trace1);
  writeInt32(bytes, at + 8, ids.trace2);
  writeInt32(bytes, at + 12, ids.trace3);
  writeInt32(bytes, at + 16, ids.span0);
  writeInt32(bytes, at + 20, ids.span1);
  bytes[at + 24] = ids.traceFlags;
}

export function readInt32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

function writeInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
