import {
  context,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import type { Random } from "./random.ts";

/*
 * Trace context (W3C traceparent) through @opentelemetry/api: an application that installs an OpenTelemetry SDK gets
 * spans for every call; without one, ids still cross services and stand in the logs. Nothing here depends on an SDK.
 */

const carrier = {
  get: (headers: Headers, key: string): string | undefined => headers.get(key) ?? undefined,
  keys: (headers: Headers): string[] => [...headers.keys()],
  set: (headers: Headers, key: string, value: string): void => headers.set(key, value),
};

let installed = false;

/** Installs context and propagation, unless the application has done so. Repeating it does nothing. */
export function ensureTracing(): void {
  if (installed) {
    return;
  }
  installed = true;
  // Both return false and change nothing when an SDK was there first.
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
}

/** Runs a handler in the trace that its caller sent, or in a new one. */
export function inServerSpan<T>(name: string, headers: Headers, random: Random, work: () => Promise<T>): Promise<T> {
  let parent = propagation.extract(ROOT_CONTEXT, headers, carrier);
  if (trace.getSpanContext(parent) === undefined) {
    parent = trace.setSpanContext(parent, newSpanContext(random));
  }
  return inSpan(name, SpanKind.SERVER, parent, {}, work);
}

/** Runs a call to a peer in a span of its own, child of the one that is active. */
export function inClientSpan<T>(name: string, peer: string, work: () => Promise<T>): Promise<T> {
  return inSpan(name, SpanKind.CLIENT, context.active(), { "peer.service": peer }, work);
}

/** Writes the active trace into the headers of a call. */
export function injectTrace(headers: Headers): void {
  propagation.inject(context.active(), headers, carrier);
}

async function inSpan<T>(
  name: string,
  kind: SpanKind,
  parent: ReturnType<typeof context.active>,
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

function newSpanContext(random: Random): SpanContext {
  const hex = (length: number): string => random.id().replaceAll("-", "").slice(0, length);
  return { traceId: hex(32), spanId: hex(16), traceFlags: TraceFlags.NONE, isRemote: false };
}
