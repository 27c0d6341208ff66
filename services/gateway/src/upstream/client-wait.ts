import { Code, ConnectError } from "@connectrpc/connect";
import { DeadlineEntry, type DeadlineWheel } from "@weft/mesh";

/*
 * How long a client waits for its call, kept from the mesh.
 *
 * Inside the mesh a missed deadline is a sign of a sick instance, and enough of them eject it. A client may ask for a
 * millisecond, as often as it likes, and would so take a service away from everybody. Its time therefore ends the call by
 * cancellation, which says nothing about the instance, and the mesh works with a deadline of the gateway's own.
 *
 * Every request waits, and hardly any leaves before its answer: an AbortSignal and a timer each would be a tenth of what a
 * request costs. So clients tell one listener, which is an object that is there anyhow, and times lie in a wheel.
 */

/** Why somebody waits no longer: the client has gone, or its time is over. */
export type Leaving = "gone" | "late";

export interface LeavingListener {
  clientLeft(why: Leaving): void;
}

/** Who waits for an answer, and may leave before it is there. */
export interface WaitingClient {
  /** Undefined while they wait. */
  readonly left: Leaving | undefined;
  /** Tells this listener, and no other one any more, when they leave; undefined for nobody. */
  tell(listener: LeavingListener | undefined): void;
  /** The same as a signal, for what takes one. */
  readonly signal: AbortSignal;
}

/** One call of a client, from its arrival until it is answered, the client has gone, or its time is over. */
export class ClientWait extends DeadlineEntry implements LeavingListener {
  readonly startedAtMs: number;
  readonly timeoutMs: number;
  readonly #wheel: DeadlineWheel;
  readonly #client: WaitingClient;
  #onLeft: (() => void) | undefined;
  #left: Leaving | undefined;

  /** Nobody is listened to before `begin`. Both times in milliseconds, the first on the monotonic clock. */
  constructor(wheel: DeadlineWheel, client: WaitingClient, startedAtMs: number, timeoutMs: number) {
    super();
    this.#wheel = wheel;
    this.#client = client;
    this.startedAtMs = startedAtMs;
    this.timeoutMs = timeoutMs;
    this.deadlineMs = startedAtMs + timeoutMs;
  }

  /** Why the client waits no longer; undefined while it does, or when it was answered. */
  get left(): Leaving | undefined {
    return this.#left;
  }

  /** Calls back when the client leaves before `end`: once, and at once where it has left already. */
  begin(onLeft: () => void): void {
    this.#onLeft = onLeft;
    if (this.#client.left !== undefined) {
      this.clientLeft(this.#client.left);
      return;
    }
    this.#client.tell(this);
    this.#wheel.add(this);
  }

  /** It was answered. */
  end(): void {
    this.#onLeft = undefined;
    this.#client.tell(undefined);
    this.#wheel.remove(this);
  }

  onDeadline(): void {
    this.clientLeft("late");
  }

  clientLeft(why: Leaving): void {
    const onLeft = this.#onLeft;
    if (onLeft !== undefined) {
      this.#left = why;
      this.end();
      onLeft();
    }
  }
}

/** Who waits behind a signal; in protocols that watch the client's time themselves it says when that is over, too. */
export function signalledClient(signal: AbortSignal): WaitingClient {
  let listener: LeavingListener | undefined;
  const why = (): Leaving =>
    signal.reason instanceof ConnectError && signal.reason.code === Code.DeadlineExceeded ? "late" : "gone";
  const onAbort = (): void => listener?.clientLeft(why());
  return {
    signal,
    get left() {
      return signal.aborted ? why() : undefined;
    },
    tell(next) {
      listener = next;
      if (next === undefined) {
        signal.removeEventListener("abort", onAbort);
      } else {
        signal.addEventListener("abort", onAbort, { once: true });
      }
    },
  };
}

/** Nobody waits any longer: what the calls that were made for them end with. */
export function nobodyWaits(): DOMException {
  return new DOMException("nobody waits any longer", "AbortError");
}
