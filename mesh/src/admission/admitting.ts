import type { Interceptor } from "@connectrpc/connect";
import type { Clock } from "../clock.ts";
import type { Admission } from "./admission.ts";
import { overloadedError } from "./overloaded-error.ts";
import type { AdmissionTicket } from "./ticket-queue.ts";

/**
 * The admission for unary calls that Connect serves (Connect, gRPC-Web, compressed gRPC): the same line, the same limit.
 * Streams are let in: they live as long as their ends do, and would hold their place for all that time.
 */
export function admitting(admission: Admission, clock: Clock, isExempt: (service: string) => boolean): Interceptor {
  return (next) => async (request) => {
    if (request.stream || isExempt(request.service.typeName)) {
      return next(request);
    }
    const name = `${request.service.typeName}/${request.method.name}`;
    const priority = admission.priorityOf(name, undefined);
    const startedAtMs = clock.monotonicMs();
    const enteredAtMs = admission.tryEnter(priority, startedAtMs)
      ? startedAtMs
      : await turn(admission, priority, startedAtMs, request.signal);
    try {
      return await next(request);
    } finally {
      admission.leave(priority, enteredAtMs, clock.monotonicMs(), "ok");
    }
  };
}

function turn(admission: Admission, priority: number, nowMs: number, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      admission.withdraw(ticket);
      reject(signal.reason);
    };
    const settle = (finish: () => void): void => {
      signal.removeEventListener("abort", onAbort);
      finish();
    };
    const ticket: AdmissionTicket = {
      priority,
      deadlineMs: Number.POSITIVE_INFINITY,
      ticketNext: undefined,
      ticketPrevious: undefined,
      ticketQueuedAtMs: -1,
      admitted: (enteredAtMs) => settle(() => resolve(enteredAtMs)),
      refused: (retryAfterMs, reason) => settle(() => reject(overloadedError(retryAfterMs, reason))),
    };
    signal.addEventListener("abort", onAbort, { once: true });
    admission.enqueue(ticket, nowMs);
  });
}
