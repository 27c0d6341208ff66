import { Code, ConnectError } from "@connectrpc/connect";
import { type Clock, currentCall, runInCall } from "@weft/mesh";

/*
 * The time a client gives its call, kept from the mesh.
 *
 * Inside the mesh a missed deadline is a sign of a sick instance, and enough of them eject it. A client may ask for a
 * millisecond, as often as it likes, and would so take a service away from everybody. Its time therefore ends the call by
 * cancellation, which says nothing about the instance, and the mesh works with a deadline of the gateway's own.
 */

export interface ClientDeadline {
  /** Aborts when the time is over or the client has gone; never with the reason of a missed deadline. */
  readonly signal: AbortSignal;
  /** Whether it was the time that ended the call. */
  readonly passed: boolean;
  /** Releases the timer and the listener. */
  done(): void;
}

/** `client` aborts when the client has gone, or, in protocols that watch the client's time themselves, when it is over. */
export function clientDeadline(clock: Clock, timeoutMs: number, client: AbortSignal): ClientDeadline {
  const controller = new AbortController();
  let passed = false;
  const end = (late: boolean): void => {
    passed ||= late && !controller.signal.aborted;
    controller.abort(new DOMException("the client waits no longer", "AbortError"));
  };
  const onAbort = (): void =>
    end(client.reason instanceof ConnectError && client.reason.code === Code.DeadlineExceeded);
  const timer = clock.setTimer(() => end(true), timeoutMs);
  if (client.aborted) {
    onAbort();
  } else {
    client.addEventListener("abort", onAbort, { once: true });
  }
  return {
    signal: controller.signal,
    get passed() {
      return passed;
    },
    done: () => {
      timer.cancel();
      client.removeEventListener("abort", onAbort);
    },
  };
}

/** Runs `work` for the call at hand, without the deadline and the signal that its client gave it. */
export function apartFromClient<T>(work: () => T): T {
  const call = currentCall();
  if (call === undefined || (call.deadlineMs === undefined && call.signal === undefined)) {
    return work();
  }
  // One by one: what the mesh's server gives is no plain object, and would lose on the way what it works out when asked.
  const { correlationId, correlatedByTrace, method, authorization, caller, trace } = call;
  return runInCall({ correlationId, correlatedByTrace, method, authorization, caller, trace }, work);
}
