import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock } from "../clock.ts";
import { MeshError } from "../errors.ts";

/*
 * Deadlines: the time a call may take is the least of what the caller asks for, the default, and what is left to the call
 * that is being worked on, less a reserve in which this process can still answer. Each hop so has less than the one before.
 */

export interface DeadlineInput {
  /** What the caller asked for; undefined or not positive asks for the default. */
  readonly requestedMs: number | undefined;
  readonly defaultMs: number;
  /** When the surrounding call ends, on the monotonic clock; undefined without one. */
  readonly surroundingDeadlineMs: number | undefined;
  readonly nowMs: number;
  /** Kept back from the surrounding call's time so that it can answer. */
  readonly reserveMs: number;
}

/** Time for the call, in milliseconds; zero or less when there is none left. */
export function timeoutFor(input: DeadlineInput): number {
  const own = input.requestedMs !== undefined && input.requestedMs > 0 ? input.requestedMs : input.defaultMs;
  if (input.surroundingDeadlineMs === undefined) {
    return own;
  }
  return Math.min(own, input.surroundingDeadlineMs - input.nowMs - input.reserveMs);
}

/** A signal that ends with the deadline or with any of the given signals; `done` releases its timer and listeners. */
export interface DeadlineSignal {
  readonly signal: AbortSignal;
  done(): void;
}

export function deadlineSignal(
  clock: Clock,
  timeoutMs: number,
  parents: readonly (AbortSignal | undefined)[],
): DeadlineSignal {
  const controller = new AbortController();
  const expire = (): void =>
    controller.abort(new MeshError("DEADLINE_EXCEEDED", `${Math.max(0, Math.round(timeoutMs))} ms`, { sent: true }));
  if (timeoutMs <= 0) {
    // At once and not by a timer, so that a call without time is never sent.
    expire();
    return { signal: controller.signal, done: () => undefined };
  }
  const timer = clock.setTimer(expire, timeoutMs, { ref: true });
  const cleanups = parents.map((parent) => {
    if (parent === undefined) {
      return () => undefined;
    }
    const onAbort = (): void => controller.abort(endOf(parent.reason));
    if (parent.aborted) {
      onAbort();
      return () => undefined;
    }
    parent.addEventListener("abort", onAbort, { once: true });
    return () => parent.removeEventListener("abort", onAbort);
  });
  return {
    signal: controller.signal,
    done: () => {
      timer.cancel();
      for (const cleanup of cleanups) {
        cleanup();
      }
    },
  };
}

/** What ended a parent, in our words: our own server says it with an error of Connect when the time of its call is over. */
function endOf(reason: unknown): MeshError {
  if (reason instanceof MeshError) {
    return reason;
  }
  const late = reason instanceof ConnectError && reason.code === Code.DeadlineExceeded;
  return new MeshError(late ? "DEADLINE_EXCEEDED" : "CANCELED", undefined, { cause: reason, sent: true });
}
