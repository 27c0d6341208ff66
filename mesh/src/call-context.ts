import { AsyncLocalStorage } from "node:async_hooks";
import type { Context } from "@opentelemetry/api";
import type { ChildCalls } from "./child-calls.ts";
import type { TraceIds } from "./trace-context.ts";

/*
 * What every piece of work done for one call shares, carried by AsyncLocalStorage so that handlers need not pass it on:
 * the deadline shrinks hop by hop, cancellation reaches the peers, and logs of one call find each other.
 *
 * One storage holds the call and the OpenTelemetry context beside it: a second one would cost every promise of a handler
 * another copy (tracing.ts installs the context manager that reads it).
 */
export interface CallContext {
  /** Names this call in all logs, across services. */
  readonly correlationId: string;
  /** "<package.Service>/<Method>" of the handler that runs, or what the edge calls the work. */
  readonly method?: string | undefined;
  /** On the monotonic clock, in milliseconds; undefined means no deadline. */
  readonly deadlineMs?: number | undefined;
  /** Aborts when the caller has gone or the deadline has passed. */
  readonly signal?: AbortSignal | undefined;
  /** The caller's own "Bearer …", forwarded so that peers act on the subject's rights, not on ours. */
  readonly authorization?: string | undefined;
  /** The service that calls, as its certificate says; undefined without mTLS. */
  readonly caller?: string | undefined;
  /** The trace that the caller sent. */
  readonly trace?: TraceIds | undefined;
  /** Calls made for this one, where they need not be told by the signal. */
  readonly children?: ChildCalls | undefined;
  /** Whether the correlation id was made from the trace id, so that it need not travel beside it. */
  readonly correlatedByTrace?: boolean | undefined;
}

/** What the storage holds: a server's call is its own frame, so that entering it makes nothing new. */
export interface CallFrame {
  readonly call: CallContext | undefined;
  /** Made from the call's trace when somebody asks. */
  otel: Context | undefined;
}

const storage = new AsyncLocalStorage<CallFrame>();

/** The call that is being worked on, or undefined outside of any. */
export function currentCall(): CallContext | undefined {
  return storage.getStore()?.call;
}

export function currentFrame(): CallFrame | undefined {
  return storage.getStore();
}

/** Runs `work`, and all that it starts, for the given call. */
export function runInCall<T>(context: CallContext, work: () => T): T {
  return storage.run({ call: context, otel: undefined }, work);
}

/** Runs `work(argument)` in a frame; the argument instead of a closure, since servers do this once per call. */
export function runInFrame<A, T>(frame: CallFrame, work: (argument: A) => T, argument: A): T {
  return storage.run(frame, work, argument);
}

/** The names of headers that the mesh itself reads and writes. */
export const meshHeaders = {
  correlationId: "x-correlation-id",
  authorization: "authorization",
} as const;

const sane = /^[A-Za-z0-9._:-]{1,128}$/;

/** A correlation id from outside if it is sane (it goes into logs), else a new one. */
export function correlationIdFrom(received: string | null | undefined, makeId: () => string): string {
  return received !== null && received !== undefined && sane.test(received) ? received : makeId();
}
