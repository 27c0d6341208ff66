import {
  type Context,
  type ContextManager,
  context,
  ProxyTracerProvider,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { type CallFrame, currentFrame, runInFrame } from "./call-context.ts";
import type { Random } from "./random.ts";
import {
  randomTrace,
  spanIdOf,
  type TraceIds,
  traceFromHeader,
  traceFromHex,
  traceIdOf,
  traceToHeader,
} from "./trace-context.ts";

/*
 * Trace context (W3C traceparent) through @opentelemetry/api: an application that installs an OpenTelemetry SDK gets
 * spans for every call; without one, ids still cross services and stand in the logs. Nothing here depends on an SDK.
 *
 * Without an SDK no span is made and no context entered: ids travel as integers in the call's own context, and become an
 * OpenTelemetry context when somebody asks for the active one.
 */

/** The context manager of processes without an SDK: reads and writes the frame of the call. */
const frames: ContextManager = {
  active: () => {
    const frame = currentFrame();
    return frame === undefined ? ROOT_CONTEXT : otelOf(frame);
  },
  with: (active, work, thisArg, ...args) => {
    const frame: CallFrame = { call: currentFrame()?.call, otel: active };
    return runInFrame(frame, () => work.apply(thisArg, args) as ReturnType<typeof work>, undefined);
  },
  bind: (bound, target) =>
    typeof target === "function"
      ? (((...args: unknown[]) =>
          frames.with(bound, target as (...all: unknown[]) => unknown, undefined, ...args)) as typeof target)
      : target,
  enable: () => frames,
  disable: () => frames,
};

function otelOf(frame: CallFrame): Context {
  const ids = frame.call?.trace;
  frame.otel ??= ids === undefined ? ROOT_CONTEXT : contextOf(ids);
  return frame.otel;
}

function contextOf(ids: TraceIds): Context {
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: traceIdOf(ids),
    spanId: spanIdOf(ids),
    traceFlags: ids.traceFlags,
    isRemote: true,
  });
}

let installed = false;

/** Installs context and propagation, unless the application has done so. Repeating it does nothing. */
export function ensureTracing(): void {
  if (installed) {
    return;
  }
  installed = true;
  // Both return false and change nothing when an SDK was there first.
  context.setGlobalContextManager(frames);
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
}

/** Whether somebody records spans in this process. */
export function spansAreRecorded(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer("weft") !== undefined;
}

/** The trace that is active: of the SDK's span, or of the call; undefined outside of both. */
export function activeTrace(): TraceIds | undefined {
  if (!spansAreRecorded()) {
    const frame = currentFrame();
    return frame === undefined ? undefined : traceOfFrame(frame);
  }
  return idsOf(context.active());
}

/** The trace of a frame, where no SDK records: a context that was entered by hand comes before the call's own. */
export function traceOfFrame(frame: CallFrame): TraceIds | undefined {
  return frame.otel === undefined ? frame.call?.trace : idsOf(frame.otel);
}

function idsOf(active: Context): TraceIds | undefined {
  const span = trace.getSpanContext(active);
  return span === undefined ? undefined : traceFromHex(span.traceId, span.spanId, span.traceFlags);
}

/** The trace that a caller sent in its headers, or a new one. */
export function traceOf(headers: Headers, random: Random): TraceIds {
  return traceFromHeader(headers.get("traceparent")) ?? randomTrace(random);
}

/** Runs the work of the current call in a span of its own, child of its caller's, where spans are recorded. */
export function inServerSpan<T>(name: string, work: () => Promise<T>): Promise<T> {
  return spansAreRecorded() ? inSpan(name, SpanKind.SERVER, parentOfCall(), {}, work) : work();
}

/** The SDK's context manager knows nothing of our frames. */
function parentOfCall(): Context {
  const frame = currentFrame();
  return frame === undefined ? context.active() : otelOf(frame);
}

/** Runs a call to a peer in a span of its own, child of the one that is active. */
export function inClientSpan<T>(name: string, peer: string, work: () => Promise<T>): Promise<T> {
  return inSpan(name, SpanKind.CLIENT, context.active(), { "peer.service": peer }, work);
}

/** Writes the active trace into headers. */
export function injectTrace(headers: Headers): void {
  const ids = activeTrace();
  if (ids !== undefined) {
    headers.set("traceparent", traceToHeader(ids));
  }
}

async function inSpan<T>(
  name: string,
  kind: SpanKind,
  parent: Context,
  attributes: Record<string, string>,
  work: () => Promise<T>,
): Promise<T> {
  const span = trace
    .getTracer("weft")
    .startSpan(name, { kind, attributes: { "rpc.system": "grpc", ...attributes } }, parent);
  try {
    return await context.with(trace.setSpan(parent, span), work);
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
    throw error;
  } finally {
    span.end();
  }
}
