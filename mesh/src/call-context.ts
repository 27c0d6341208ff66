import { AsyncLocalStorage } from "node:async_hooks";

/*
 * What every piece of work done for one call shares, carried by AsyncLocalStorage so that handlers need not pass it on:
 * the deadline shrinks hop by hop, cancellation reaches the peers, and logs of one call find each other.
 */
export interface CallContext {
  /** Names this call in all logs, across services. */
  readonly correlationId: string;
  /** "<package.Service>/<Method>" of the handler that runs, or what the edge calls the work. */
  readonly method?: string;
  /** On the monotonic clock, in milliseconds; undefined means no deadline. */
  readonly deadlineMs?: number;
  /** Aborts when the caller has gone or the deadline has passed. */
  readonly signal?: AbortSignal;
  /** The caller's own "Bearer …", forwarded so that peers act on the subject's rights, not on ours. */
  readonly authorization?: string;
}

const storage = new AsyncLocalStorage<CallContext>();

/** The call that is being worked on, or undefined outside of any. */
export function currentCall(): CallContext | undefined {
  return storage.getStore();
}

/** Runs `work`, and all that it starts, for the given call. */
export function runInCall<T>(context: CallContext, work: () => T): T {
  return storage.run(context, work);
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
